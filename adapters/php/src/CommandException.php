<?php

declare(strict_types=1);

namespace Aerys;

/** The server has refused a command, and says why. */
final class CommandException extends \RuntimeException
{
}

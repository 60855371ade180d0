<?php

declare(strict_types=1);

namespace Aerys;

/** The client went before all of the message was on its way. Nobody has to catch it. */
final class ClientGoneException extends \RuntimeException implements ClientGone
{
}

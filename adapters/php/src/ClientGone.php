<?php

declare(strict_types=1);

namespace Aerys;

/** What is thrown into a generator whose command was about a client that has gone. */
interface ClientGone extends \Throwable
{
}

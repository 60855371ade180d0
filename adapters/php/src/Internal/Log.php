<?php

declare(strict_types=1);

namespace Aerys\Internal;

/** What is said on standard error, each line of which is one of the server's log. */
final class Log
{
    /** Whatever went wrong, and where. */
    public static function fault(Context $context, string $method, \Throwable $error): void
    {
        $who = $context->application::class . ($method === '' ? '' : "::$method");
        $whom = $context->id === 0 ? '' : " for client $context->id";
        fwrite(STDERR, "$who failed$whom: $error\n");
    }
}

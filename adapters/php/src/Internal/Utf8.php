<?php

declare(strict_types=1);

namespace Aerys\Internal;

/** Names, keys, reasons and headers are UTF-8; a process that says something else would be ended. */
final class Utf8
{
    public static function check(string $text, string $what): string
    {
        return preg_match('//u', $text) ? $text : throw new \DomainException("$what has to be UTF-8.");
    }
}

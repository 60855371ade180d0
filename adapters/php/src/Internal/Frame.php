<?php

declare(strict_types=1);

namespace Aerys\Internal;

/** Types of frames, flags and outcomes, as the protocol numbers them. */
final class Frame
{
    public const VERSION = 1;

    /** Bytes before the payload: length, type, endpoint, client, seq. */
    public const HEAD = 19;
    /** Of these the length counts all but itself. */
    public const COUNTED = 15;

    public const HELLO = 1;
    public const START = 2;
    public const READY = 3;
    public const PING = 4;
    public const PONG = 5;
    public const STOP = 6;
    public const OPEN = 16;
    public const DATA = 17;
    public const CLOSED = 18;
    public const RESULT = 19;
    public const DONE = 32;
    public const HEADER = 33;
    public const REFUSE = 34;
    public const ACCEPT = 35;
    public const SEND = 36;
    public const BROADCAST = 37;
    public const CLOSE = 38;
    public const INSPECT = 39;
    public const JOIN = 40;
    public const LEAVE = 41;
    public const GROUP = 42;
    public const CLIENTS = 43;

    public const IS_TEXT = 1;
    public const HAS_GROUP = 2;
    public const HAS_KEY = 4;
    public const HAS_ONLY = 8;
    public const HAS_EXCEPT = 16;
    public const IS_LOCAL = 32;

    /** The length and the type of a DONE, before the endpoint, the client and the seq of its event. */
    public const DONE_HEAD = "\0\0\0\x10\x20";
    public const IS_HANDLED = "\0";

    public const HANDLED = 0;
    public const FAILED = 1;

    public const IS_DONE = 0;
    public const IS_GONE = 1;
    public const IS_REFUSED = 2;
    public const IS_SUPERSEDED = 3;

    public static function pack(int $type, int $endpoint, int $client, int $seq, string $payload = ''): string
    {
        return pack('NCnJN', self::COUNTED + strlen($payload), $type, $endpoint, $client, $seq) . $payload;
    }
}

<?php

declare(strict_types=1);

namespace Aerys\Internal;

use Aerys\Websocket;

/** Whose event something belongs to: a client's, or, with the id 0, an endpoint's. */
final class Context
{
    /** Nothing has been answered. */
    public const PENDING = 0;
    public const ACCEPTED = 1;
    public const REFUSED = 2;
    public const GONE = 3;
    /** There is no client. */
    public const NOBODY = 4;

    /** What the handshake is refused with, if it is. */
    public int $status = 0;
    public string $reason = '';
    public string $subprotocol = '';
    /** @var array<int, true> Which watchers end with the client. */
    public array $watchers = [];

    /** The endpoint and the client, as a frame has them. */
    public readonly string $head;

    public function __construct(
        public readonly int $id,
        public readonly int $endpoint,
        public readonly Websocket $application,
        public int $state,
    ) {
        $this->head = pack('nJ', $endpoint, $id);
    }
}

<?php

declare(strict_types=1);

namespace Aerys\Internal;

/** One callback that waits. */
final class Watcher
{
    public bool $isEnabled = true;
    /** Whether its callback is a generator that has not ended. */
    public bool $isRunning = false;
    /** What the loop calls it; 0 if it does not wait there. */
    public int $armed = 0;

    /**
     * @param callable $callback
     * @param mixed    $on       A stream, or milliseconds.
     */
    public function __construct(
        public readonly int $id,
        public readonly string $kind,
        public readonly mixed $callback,
        public readonly mixed $on,
        public readonly Context $context,
    ) {
    }
}

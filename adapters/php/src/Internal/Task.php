<?php

declare(strict_types=1);

namespace Aerys\Internal;

/** A generator that runs, with those that it was yielded by. */
final class Task
{
    /** @var list<\Generator> The innermost last. */
    public array $parents = [];
    /** The type of the command whose result it waits for. */
    public int $command = 0;
    /** @var ?\Closure(?\Throwable, mixed): void Is told how it ended. */
    public ?\Closure $onEnd = null;

    /**
     * @param int    $kind  The type of the event that it handles; 0 if it handles none.
     * @param string $event That event's endpoint, client and seq, as they are written.
     */
    public function __construct(
        public \Generator $generator,
        public Context $context,
        public int $kind = 0,
        public string $event = '',
    ) {
    }
}

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
    /** The number of the event that it handles; 0 if it is none. */
    public int $event = 0;
    /** The type of that event. */
    public int $kind = 0;
    /** @var ?\Closure(?\Throwable, mixed): void Is told how it ended. */
    public ?\Closure $onEnd = null;

    public function __construct(public \Generator $generator, public readonly Context $context)
    {
    }
}

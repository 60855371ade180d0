<?php

declare(strict_types=1);

namespace Aerys\Internal;

use Aerys\ClientGone;

use function array_pop, is_object, is_string, method_exists;

/**
 * Runs generators: what they yield is done, and they are given back what came of it.
 *
 * A generator runs without interruption up to a yield that has to wait.
 */
final class Scheduler
{
    private readonly Commands $commands;

    /** @param \Closure(Task, ?\Throwable): void $onEvent Is told that an event's generator has ended. */
    public function __construct(private readonly Stream $stream, Loop $loop, private readonly \Closure $onEvent)
    {
        $this->commands = new Commands($stream, $loop, $this);
    }

    public function commands(): Commands
    {
        return $this->commands;
    }

    /** Runs a generator on behalf of somebody, and tells how it ended. */
    public function start(\Generator $generator, Context $context, ?\Closure $onEnd = null): void
    {
        $task = new Task($generator, $context);
        $task->onEnd = $onEnd;
        $this->run($task, null, null, true);
    }

    /** Goes on with what waited. */
    public function resume(Task $task, mixed $value = null, ?\Throwable $error = null): void
    {
        $this->run($task, $value, $error, false);
    }

    /**
     * Runs a task up to a yield that has to wait, or to its end.
     *
     * @param bool $isFresh It has not been run before.
     */
    public function run(Task $task, mixed $value, ?\Throwable $error, bool $isFresh): void
    {
        while (true) {
            $generator = $task->generator;
            try {
                if ($isFresh) {
                    $isFresh = false;
                    $yielded = $generator->current();
                } elseif ($error === null) {
                    $yielded = $generator->send($value);
                } else {
                    [$thrown, $error] = [$error, null];
                    $yielded = $generator->throw($thrown);
                }
                $key = $generator->key();
                // One that has ended has none, and hardly any other.
                if ($key === null && !$generator->valid()) {
                    if (!$task->parents) {
                        $this->succeed($task);
                        return;
                    }
                    $value = $generator->getReturn();
                    $task->generator = array_pop($task->parents);
                    continue;
                }
            } catch (\Throwable $error) {
                if (!$task->parents) {
                    $this->fail($task, $error);
                    return;
                }
                $task->generator = array_pop($task->parents);
                continue;
            }
            if (is_string($key)) {
                $value = null;
                try {
                    // These two come with every message.
                    $goesOn = $key === 'send' || $key === '@send'
                        ? $this->commands->send($task, $yielded, $key === 'send')
                        : $this->commands->execute($task, $key, $yielded, $value);
                    if (!$goesOn) {
                        return;
                    }
                } catch (\Throwable $error) {
                }
            } elseif ($yielded instanceof \Generator) {
                $task->parents[] = $generator;
                $task->generator = $yielded;
                $isFresh = true;
            } elseif (self::isPromise($yielded)) {
                $waits = $resolved = false;
                self::when($yielded, function ($e, $v = null) use ($task, &$waits, &$resolved, &$error, &$value) {
                    if ($waits) {
                        $this->resume($task, $v, $e);
                    } else {
                        [$resolved, $error, $value] = [true, $e, $v];
                    }
                });
                if (!$resolved) {
                    $waits = true;
                    return;
                }
                // The closure holds them by reference.
                [$e, $v] = [$error, $value];
                unset($error, $value);
                [$error, $value] = [$e, $v];
            } else {
                $value = $yielded;
            }
        }
    }

    private function succeed(Task $task): void
    {
        if ($task->kind === Frame::DATA) {
            $this->stream->out .= Frame::DONE_HEAD . $task->event . Frame::IS_HANDLED;
        } elseif ($task->kind !== 0) {
            ($this->onEvent)($task, null);
        } elseif ($task->onEnd !== null) {
            ($task->onEnd)(null, $task->generator->getReturn());
        }
    }

    private function fail(Task $task, \Throwable $error): void
    {
        if ($task->kind !== 0) {
            ($this->onEvent)($task, $error);
        } elseif ($task->onEnd !== null) {
            ($task->onEnd)($error, null);
        } else {
            $this->commands->fault($task->context, $error);
        }
    }

    /** Waits for whatever it is, and tells what came of it. */
    public function observe(mixed $thing, Context $context, \Closure $onEnd): void
    {
        if ($thing instanceof \Generator) {
            $this->start($thing, $context, $onEnd);
        } elseif (self::isPromise($thing)) {
            self::when($thing, static fn ($error, $value = null) => $onEnd($error, $value));
        } else {
            $onEnd(null, $thing);
        }
    }

    /** Our own promises and those of Amp have one of these methods. */
    public static function isPromise(mixed $thing): bool
    {
        return is_object($thing) && (method_exists($thing, 'when') || method_exists($thing, 'onResolve'));
    }

    private static function when(object $promise, \Closure $onEnd): void
    {
        method_exists($promise, 'when') ? $promise->when($onEnd) : $promise->onResolve($onEnd);
    }
}

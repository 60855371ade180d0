<?php

declare(strict_types=1);

namespace Aerys\Internal;

/**
 * Callbacks that wait for a time or for a stream.
 *
 * One belongs to whom it was made for: what its callback sends goes there, and it ends when the client has gone. A
 * callback that is a generator is not called again before it has ended.
 */
final class Watchers
{
    /** @var array<int, Watcher> */
    private array $all = [];
    private int $last = 0;

    public function __construct(
        private readonly Loop $loop,
        private readonly Scheduler $scheduler,
        private readonly Commands $commands,
    ) {
    }

    public function add(Context $context, string $kind, mixed $given): int
    {
        [$callback, $on] = match ($kind) {
            'immediately' => [$given, null],
            'once', 'repeat' => self::pair($kind, $given, 'a callback and milliseconds'),
            default => array_reverse(self::pair($kind, $given, 'a stream and a callback')),
        };
        if (!is_callable($callback)) {
            throw new \DomainException("'$kind' takes something that can be called, and not " . get_debug_type($callback) . '.');
        }
        if ($kind === 'onreadable' || $kind === 'onwritable') {
            if (!is_resource($on)) {
                throw new \DomainException("'$kind' takes a stream that is open, and not " . get_debug_type($on) . '.');
            }
        }
        $watcher = new Watcher(++$this->last, $kind, $callback, $on, $context);
        $this->all[$watcher->id] = $watcher;
        if ($kind !== 'immediately' && $context->state !== Context::GONE) {
            $context->watchers[$watcher->id] = true;
        }
        $this->arm($watcher);
        return $watcher->id;
    }

    public function enable(int $id): void
    {
        $watcher = $this->all[$id] ?? null;
        if ($watcher !== null && !$watcher->isEnabled) {
            $watcher->isEnabled = true;
            if (!$watcher->isRunning) {
                $this->arm($watcher);
            }
        }
    }

    /** A timer that is enabled again begins anew. */
    public function disable(int $id): void
    {
        $watcher = $this->all[$id] ?? null;
        if ($watcher !== null) {
            $watcher->isEnabled = false;
            $this->disarm($watcher);
        }
    }

    public function cancel(int $id): void
    {
        $watcher = $this->all[$id] ?? null;
        if ($watcher !== null) {
            $this->disarm($watcher);
            unset($this->all[$id], $watcher->context->watchers[$id]);
        }
    }

    private function arm(Watcher $watcher): void
    {
        $ring = fn () => $this->call($watcher);
        $watcher->armed = match ($watcher->kind) {
            'immediately' => $this->loop->defer($ring),
            'once', 'repeat' => $this->loop->after((float) $watcher->on, $ring),
            'onreadable' => $this->loop->whenReadable($watcher->on, $ring),
            'onwritable' => $this->loop->whenWritable($watcher->on, $ring),
        };
    }

    private function disarm(Watcher $watcher): void
    {
        if ($watcher->armed !== 0) {
            $this->loop->cancel($watcher->armed);
            $watcher->armed = 0;
        }
    }

    private function call(Watcher $watcher): void
    {
        if ($watcher->kind === 'immediately' || $watcher->kind === 'once') {
            $this->cancel($watcher->id);
        }
        $watcher->isRunning = true;
        try {
            $returned = is_resource($watcher->on)
                ? ($watcher->callback)($watcher->id, $watcher->on)
                : ($watcher->callback)($watcher->id);
        } catch (\Throwable $error) {
            $this->ended($watcher, $error);
            return;
        }
        if ($returned instanceof \Generator || Scheduler::isPromise($returned)) {
            if ($watcher->kind !== 'repeat') {
                // It is ready still, and would be called without a pause.
                $this->disarm($watcher);
            }
            $this->scheduler->observe($returned, $watcher->context, fn ($error) => $this->ended($watcher, $error));
        } else {
            $this->ended($watcher, null);
        }
    }

    private function ended(Watcher $watcher, ?\Throwable $error): void
    {
        $watcher->isRunning = false;
        if ($error !== null) {
            $this->commands->fault($watcher->context, $error);
        }
        if (!isset($this->all[$watcher->id]) || !$watcher->isEnabled) {
            return;
        }
        if ($watcher->kind === 'repeat') {
            $this->disarm($watcher);
        }
        if ($watcher->kind === 'repeat' || $watcher->armed === 0) {
            $this->arm($watcher);
        }
    }

    private static function pair(string $kind, mixed $given, string $what): array
    {
        if (!is_array($given) || count($given) !== 2) {
            throw new \DomainException("'$kind' takes an array of $what.");
        }
        return array_values($given);
    }
}

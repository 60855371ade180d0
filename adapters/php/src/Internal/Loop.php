<?php

declare(strict_types=1);

namespace Aerys\Internal;

use function count, hrtime, intdiv, is_resource, max, stream_select, usleep;

/** What happens when: timers, streams that are ready, and what is put off to the next turn. */
final class Loop
{
    /** Timers that have been cancelled are swept out when they are more than this, and more than the others. */
    private const MAX_STALE = 1000;

    /** @var \SplMinHeap<array{int, int}> When, in nanoseconds, and which. */
    private \SplMinHeap $due;
    /** @var array<int, callable> */
    private array $timers = [];
    /** @var array<callable> */
    private array $deferred = [];
    /** @var array<int, array{resource, callable}> */
    private array $readable = [];
    /** @var array<int, array{resource, callable}> */
    private array $writable = [];
    private int $last = 0;

    public function __construct()
    {
        $this->due = new \SplMinHeap();
    }

    /** Calls back once, after so many milliseconds. */
    public function after(float $milliseconds, callable $callback): int
    {
        $this->timers[++$this->last] = $callback;
        $this->due->insert([hrtime(true) + (int) (max($milliseconds, 0) * 1e6), $this->last]);
        return $this->last;
    }

    /** Calls back in the next turn. */
    public function defer(callable $callback): int
    {
        $this->deferred[++$this->last] = $callback;
        return $this->last;
    }

    /**
     * Calls back as long as there is something to read.
     *
     * @param resource $stream
     */
    public function whenReadable(mixed $stream, callable $callback): int
    {
        $this->readable[++$this->last] = [$stream, $callback];
        return $this->last;
    }

    /**
     * Calls back as long as there is room to write.
     *
     * @param resource $stream
     */
    public function whenWritable(mixed $stream, callable $callback): int
    {
        $this->writable[++$this->last] = [$stream, $callback];
        return $this->last;
    }

    public function cancel(int $id): void
    {
        unset($this->timers[$id], $this->deferred[$id], $this->readable[$id], $this->writable[$id]);
        if ($this->due->count() > self::MAX_STALE + 2 * count($this->timers)) {
            $this->sweep();
        }
    }

    /** One turn, which waits for something to happen. */
    public function turn(Stream $server, \Closure $receive): void
    {
        if ($this->isIdle() && !$server->isWriting && !$server->hasEnded) {
            // There is nobody but the server to wait for.
            $receive($server->wait());
        } else {
            $this->turnAmongOthers($server, $receive);
        }
        if (!$server->hasEnded) {
            $server->flush();
        }
    }

    /** Whether nothing is waited for but the server. */
    public function isIdle(): bool
    {
        return !$this->timers && !$this->deferred && !$this->readable && !$this->writable;
    }

    private function turnAmongOthers(Stream $server, \Closure $receive): void
    {
        // By the numbers of the watchers, which begin with 1.
        $read = $this->watched($this->readable);
        $write = $this->watched($this->writable);
        if (!$server->hasEnded) {
            $read[0] = $server->stream;
            if ($server->isWriting) {
                $write[0] = $server->stream;
            }
        }
        [$seconds, $microseconds] = $this->timeout();
        $except = null;
        if ($read === [] && $write === []) {
            usleep(($seconds ?? 0) * 1000000 + $microseconds);
        } elseif (@stream_select($read, $write, $except, $seconds, $microseconds) === false) {
            // A signal came.
            return;
        }
        if (isset($read[0])) {
            $receive($server->read());
        }
        unset($read[0], $write[0]);
        // What is called first may cancel what would be next.
        foreach ($read as $id => $stream) {
            isset($this->readable[$id]) && $this->readable[$id][1]();
        }
        foreach ($write as $id => $stream) {
            isset($this->writable[$id]) && $this->writable[$id][1]();
        }
        if ($this->timers !== []) {
            $this->ring();
        }
        if ($this->deferred !== []) {
            [$deferred, $this->deferred] = [$this->deferred, []];
            foreach ($deferred as $callback) {
                $callback();
            }
        }
    }

    /** @return array{int|null, int|null} How long a turn may wait. */
    private function timeout(): array
    {
        if ($this->deferred !== []) {
            return [0, 0];
        }
        if ($this->timers === []) {
            return [null, null];
        }
        while (!isset($this->timers[$this->due->top()[1]])) {
            $this->due->extract();
        }
        $microseconds = max(0, intdiv($this->due->top()[0] - hrtime(true) + 999, 1000));
        return [intdiv($microseconds, 1000000), $microseconds % 1000000];
    }

    private function ring(): void
    {
        $now = hrtime(true);
        while (!$this->due->isEmpty() && $this->due->top()[0] <= $now) {
            $id = $this->due->extract()[1];
            $callback = $this->timers[$id] ?? null;
            unset($this->timers[$id]);
            if ($callback !== null) {
                $callback();
            }
        }
    }

    /** @return array<int, resource> Those streams that have not been closed under their watchers. */
    private function watched(array &$watchers): array
    {
        $streams = [];
        foreach ($watchers as $id => [$stream]) {
            if (is_resource($stream)) {
                $streams[$id] = $stream;
            } else {
                unset($watchers[$id]);
            }
        }
        return $streams;
    }

    private function sweep(): void
    {
        $old = $this->due;
        $this->due = new \SplMinHeap();
        foreach ($old as $entry) {
            if (isset($this->timers[$entry[1]])) {
                $this->due->insert($entry);
            }
        }
    }
}

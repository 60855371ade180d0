<?php

// What can be yielded in PHP alone: nested generators, promises, timers, streams, combinators. A message says which.

require __DIR__ . '/../../php/aerys.php';

final class Yields implements Aerys\Websocket
{
    private array $watchers = [];
    private array $promised = [];

    public function onOpen($clientId, array $request)
    {
        // A method that is no generator.
    }

    public function onData($clientId, $message)
    {
        return match (explode(' ', $message)[0]) {
            'plain' => null,
            'promise' => new Amp\Success(1),
            'broken' => new Amp\Failure(new RuntimeException('a broken promise')),
            default => $this->{strtr($message, ['-' => '_'])}($clientId),
        };
    }

    public function onClose($clientId, $code, $reason)
    {
        yield 'once' => [function () {
            try {
                yield 'send' => 'to nobody';
            } catch (Aerys\ClientGone $gone) {
                echo 'gone: ', get_class($gone), "\n";
            }
        }, 1];
    }

    private function plain_values()
    {
        yield 'send' => json_encode([yield 5, yield [1, 2], yield new Amp\Success('kept')]);
    }

    private function unknown()
    {
        try {
            yield 'sned' => 'hello';
        } catch (DomainException $error) {
            yield 'send' => $error->getMessage();
        }
    }

    private function nested()
    {
        $first = yield $this->inner(1);
        $second = yield from $this->inner(2);
        try {
            yield $this->failing();
        } catch (RuntimeException $error) {
            yield 'send' => "$first $second {$error->getMessage()}";
        }
    }

    private function inner(int $number)
    {
        yield 'send' => "inner $number";
        return $number * 10;
    }

    private function failing()
    {
        yield 'wait' => 1;
        throw new RuntimeException('failed inside');
    }

    private function deep()
    {
        yield 'send' => yield $this->down(2000);
    }

    private function down(int $depth)
    {
        return $depth === 0 ? 'bottom' : yield $this->down($depth - 1);
    }

    private function many()
    {
        for ($n = 0; $n < 100000; $n++) {
            yield new Amp\Success($n);
        }
        yield 'send' => "$n promises";
    }

    private function defer($clientId)
    {
        $this->promised[$clientId] = new Amp\Deferred();
        yield 'send' => yield $this->promised[$clientId]->promise();
    }

    private function keep()
    {
        foreach ($this->promised as $deferred) {
            $deferred->succeed('kept');
        }
        yield 'send' => 'done';
    }

    private function wait()
    {
        $start = hrtime(true);
        yield 'wait' => 30;
        $waited = (hrtime(true) - $start) / 1e6;
        yield 'send' => $waited >= 30 ? 'long enough' : "$waited ms";
    }

    private function wait_nowait()
    {
        yield '@wait' => 3600000;
        yield 'send' => 'at once';
    }

    private function immediately()
    {
        yield 'immediately' => function () {
            yield '@send' => 'second';
        };
        yield '@send' => 'first';
    }

    private function once()
    {
        yield 'once' => [fn () => yield '@send' => 'after 20', 20];
        yield 'once' => [fn () => yield '@send' => 'after 10', 10];
        $cancelled = yield 'once' => [fn () => yield '@send' => 'never', 5];
        yield 'cancel' => $cancelled;
    }

    private function repeat($clientId)
    {
        $count = 0;
        $this->watchers[$clientId] = yield 'repeat' => [function (int $id) use (&$count) {
            yield 'send' => 'tick ' . ++$count;
            if ($count === 3) {
                yield 'disable' => $id;
                yield 'send' => 'disabled';
            }
        }, 2];
    }

    private function again($clientId)
    {
        yield 'enable' => $this->watchers[$clientId];
    }

    private function streams()
    {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        stream_set_blocking($ours, false);
        yield 'onreadable' => [$ours, function (int $id, $stream) {
            $read = fread($stream, 100);
            if ($read === '') {
                yield 'cancel' => $id;
                fclose($stream);
                yield 'send' => 'closed';
            } else {
                yield 'send' => "read $read";
            }
        }];
        yield 'onwritable' => [$theirs, function (int $id, $stream) {
            yield 'cancel' => $id;
            fwrite($stream, 'hello');
            yield 'once' => [static fn () => fclose($stream), 20];
        }];
    }

    private function one_by_one()
    {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        fwrite($theirs, 'abc');
        $runs = false;
        yield 'onreadable' => [$ours, function (int $id, $stream) use (&$runs, $theirs) {
            $overlaps = $runs;
            $runs = true;
            $read = stream_socket_recvfrom($stream, 1);
            yield 'wait' => 5;
            yield '@send' => $overlaps ? 'called again while it ran' : $read;
            $runs = false;
        }];
    }

    private function ticking()
    {
        yield 'repeat' => [function () {
            echo "tick\n";
        }, 1];
    }

    private function mark()
    {
        echo "mark\n";
        yield 'wait' => 30;
    }

    private function closed_stream()
    {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        yield 'onreadable' => [$ours, fn () => null];
        fclose($ours);
        yield 'wait' => 1;
        yield 'send' => 'still here';
    }

    private function callback_fails()
    {
        yield 'once' => [fn () => throw new RuntimeException('in a callback'), 1];
    }

    private function nowait()
    {
        yield 'nowait' => $this->slow();
        yield '@send' => 'first';
    }

    private function slow()
    {
        yield 'wait' => 5;
        yield '@send' => 'second';
    }

    private function nowait_fails()
    {
        yield 'nowait' => $this->failing();
    }

    private function all()
    {
        $values = yield 'all' => ['a' => $this->after(20, 1), 'b' => new Amp\Success(2), 'c' => 3, 'd' => $this->after(1, 4)];
        yield 'send' => json_encode($values);
        try {
            yield 'all' => [$this->after(3600000, 1), new Amp\Failure(new RuntimeException('one failed'))];
        } catch (RuntimeException $error) {
            yield 'send' => $error->getMessage();
        }
        yield 'send' => json_encode(yield 'all' => []);
        yield '@all' => [$this->failing()];
    }

    private function any()
    {
        [$errors, $values] = yield 'any' => ['a' => $this->failing(), 'b' => $this->after(1, 2)];
        yield 'send' => json_encode([array_map(fn ($error) => $error->getMessage(), $errors), $values]);
        yield 'send' => json_encode(yield 'any' => []);
    }

    private function some()
    {
        [$errors, $values] = yield 'some' => [$this->failing(), $this->after(1, 2)];
        yield 'send' => count($errors) . ' ' . json_encode($values);
        foreach ([[$this->failing(), $this->failing()], []] as $failing) {
            try {
                yield 'some' => $failing;
            } catch (Aerys\CombinatorException $error) {
                yield 'send' => count($error->getExceptions()) . ' failed';
            }
        }
    }

    private function after(int $milliseconds, $value)
    {
        yield 'wait' => $milliseconds;
        return $value;
    }

    private function sends_in_all()
    {
        yield 'all' => [$this->inner(1), $this->inner(2)];
        yield '@send' => 'both';
    }

    private function status()
    {
        try {
            yield 'status' => 401;
        } catch (LogicException $error) {
            yield 'send' => $error->getMessage();
        }
    }

    private function flood()
    {
        yield 'repeat' => [function () {
            for ($n = 0; $n < 100; $n++) {
                yield '@send' => str_repeat('x', 100000);
            }
        }, 1];
    }

    private function close_forms($clientId)
    {
        yield '@close' => 8;
        yield '@close' => '9';
        yield '@close' => [10];
        yield '@close' => [11, 4000];
        yield '@close' => [12, 4001, 'why'];
        try {
            yield 'close' => 'nobody';
        } catch (DomainException $error) {
            yield '@send' => $error->getMessage();
        }
    }

    private function not_utf8($clientId)
    {
        $errors = 0;
        foreach ([
            ['join', "\xff"], ['leave', "\xff"], ['group', "\xff"], ['close', [$clientId, 4000, "\xff"]],
            ['close', [$clientId, 70000]], ['close', [$clientId, -1]], ['send', ['a', 'key' => "\xff"]],
            ['broadcast', ['a', 'group' => "\xff"]],
        ] as [$command, $yielded]) {
            try {
                yield $command => $yielded;
            } catch (DomainException) {
                $errors++;
            }
        }
        yield '@send' => "$errors errors";
    }

    private function broadcast_forms()
    {
        yield '@broadcast' => 'a';
        yield '@broadcast' => ['b'];
        yield '@broadcast' => ['c', [8 => 8, 9 => 9]];
        yield '@broadcast' => ['d', [], [9]];
        yield '@broadcast' => ['e', [8], [9]];
        yield '@broadcast' => ['f', 8, null];
        yield '@broadcast' => "\xff";
        yield '@broadcast' => ['g', 'path' => '/other'];
    }
}

Aerys\run(new Yields());

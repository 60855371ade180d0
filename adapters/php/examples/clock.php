<?php

// A clock for each client, which "stop" stops, "start" starts, and "end" ends. It ends with its client.

require __DIR__ . '/../aerys.php';

final class Clock implements Aerys\Websocket
{
    /** @var array<int, int> A watcher for each client. */
    private array $clocks = [];

    public function onOpen($clientId, array $request)
    {
        $this->clocks[$clientId] = yield 'repeat' => [$this->tell(...), 1000];
        yield 'immediately' => $this->tell(...);
    }

    private function tell()
    {
        yield 'send' => date('H:i:s');
    }

    public function onData($clientId, $message)
    {
        $command = ['stop' => 'disable', 'start' => 'enable', 'end' => 'cancel'][$message] ?? null;
        if ($command === null) {
            yield 'send' => 'say stop, start or end';
        } else {
            yield $command => $this->clocks[$clientId];
        }
    }

    public function onClose($clientId, $code, $reason)
    {
        unset($this->clocks[$clientId]);
    }
}

Aerys\run(new Clock());

<?php

// Greets, closes, and writes what runs when: the close has been awaited when onClose has run.

require __DIR__ . '/../aerys.php';

final class Doorman implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
        yield 'send' => 'We are closed.';
        echo "1. onOpen closes the client\n";
        yield 'close' => [$clientId, 4001, 'come back tomorrow'];
        echo "3. onOpen goes on\n";
    }

    public function onData($clientId, $message)
    {
    }

    public function onClose($clientId, $code, $reason)
    {
        echo "2. onClose: $code $reason\n";
    }
}

Aerys\run(new Doorman());

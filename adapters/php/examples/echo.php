<?php

// Says to each client what it has said.

require __DIR__ . '/../aerys.php';

final class Repeater implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
    }

    public function onData($clientId, $message)
    {
        yield 'send' => $message;
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new Repeater());

<?php

// Repeats what it is told, and tells everybody how many are here.

require __DIR__ . '/../aerys.php';

final class UserCount implements Aerys\Websocket
{
    private int $here = 0;

    public function onOpen($clientId, array $request)
    {
        $this->here++;
        yield 'broadcast' => "$this->here here";
    }

    public function onData($clientId, $message)
    {
        yield 'send' => "You said: $message";
    }

    public function onClose($clientId, $code, $reason)
    {
        $this->here--;
        yield 'broadcast' => "$this->here here";
    }
}

Aerys\run(new UserCount());

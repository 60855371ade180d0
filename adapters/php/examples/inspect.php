<?php

// Tells a client what is known of its connection, or of another's whose id it names.

require __DIR__ . '/../aerys.php';

final class Inspector implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
        yield 'send' => "you are $clientId";
    }

    public function onData($clientId, $message)
    {
        try {
            $stats = yield 'inspect' => ctype_digit($message) ? (int) $message : $clientId;
            yield 'send' => json_encode($stats, JSON_UNESCAPED_SLASHES);
        } catch (Aerys\ClientGoneException) {
            yield 'send' => "there is no client $message";
        }
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new Inspector());

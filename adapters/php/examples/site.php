<?php

// A server's configuration, as a script: aerys -c site.php

use Aerys\Host;
use Aerys\Websocket;
use Aerys\Websocket\Endpoint;

(new Host())
    ->setName('localhost')
    ->setPort(8080)
    ->setAddress('127.0.0.1')
    ->addRoot('public')
    ->addWebsocket('/shout', Shout::class, [
        Endpoint::OP_MAX_FRAME_SIZE => 4096,
        Endpoint::OP_MAX_MSG_SIZE => 32768,
        Endpoint::OP_HEARTBEAT_PERIOD => 30,
        Endpoint::OP_TEXT_ONLY => true,
    ]);

final class Shout implements Websocket
{
    public function onOpen($clientId, array $request)
    {
    }

    public function onData($clientId, $message)
    {
        yield 'broadcast' => strtoupper($message);
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

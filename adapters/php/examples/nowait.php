<?php

// Commands that wait for nobody: a slow listener does not keep the speaker waiting.

require __DIR__ . '/../aerys.php';

final class Announcements implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
        yield '@send' => 'welcome';
        yield '@broadcast' => ["client $clientId came", [], [$clientId]];
    }

    public function onData($clientId, $message)
    {
        yield 'nowait' => $this->announceLater($message);
        yield 'send' => 'it will be announced';
    }

    private function announceLater(string $message)
    {
        yield 'wait' => 100;
        yield 'broadcast' => $message;
    }

    public function onClose($clientId, $code, $reason)
    {
        yield '@broadcast' => "client $clientId went";
    }
}

Aerys\run(new Announcements());

<?php

// "+tea" goes into the room of tea, "-tea" out of it, and "tea: anyone?" is heard there.

require __DIR__ . '/../aerys.php';

final class Rooms implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
        yield 'join' => 'everybody';
    }

    public function onData($clientId, $message)
    {
        $room = substr($message, 1);
        if ($message[0] === '+') {
            yield 'join' => $room;
            $members = yield 'group' => $room;
            yield 'send' => count($members) . " in $room";
        } elseif ($message[0] === '-') {
            yield 'leave' => $room;
        } else {
            yield 'broadcast' => [$message, [], [$clientId], 'group' => strstr($message, ':', true) ?: 'everybody'];
        }
    }

    public function onClose($clientId, $code, $reason)
    {
        $left = yield 'clients' => null;
        yield '@broadcast' => count($left) . ' left';
    }
}

Aerys\run(new Rooms());

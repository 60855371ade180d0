<?php

// Knows what has been delivered: a command that waits throws if its client has gone.

require __DIR__ . '/../aerys.php';

final class Courier implements Aerys\Websocket
{
    /** @var array<int, int> How many parcels each client has had. */
    private array $delivered = [];

    public function onOpen($clientId, array $request)
    {
        $this->delivered[$clientId] = 0;
        try {
            foreach (['a book', 'a lamp', 'a chair'] as $parcel) {
                yield 'send' => $parcel;
                $this->delivered[$clientId]++;
            }
        } catch (Aerys\ClientGoneException) {
            echo "client $clientId went after {$this->delivered[$clientId]} of 3\n";
        }
    }

    public function onData($clientId, $message)
    {
        // Who hears it, and who went before it was on its way.
        $tally = yield 'broadcast' => $message;
        yield 'send' => "heard by {$tally['delivered']}";
    }

    public function onClose($clientId, $code, $reason)
    {
        unset($this->delivered[$clientId]);
        // Not caught, and no harm done.
        yield 'send' => 'goodbye';
    }
}

Aerys\run(new Courier());

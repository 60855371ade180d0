<?php

// Each message goes to half of the clients: those with even numbers, or those with odd ones.

require __DIR__ . '/../aerys.php';

final class EvenOdd implements Aerys\Websocket
{
    /** @var array{array<int, int>, array<int, int>} Ids by themselves, of the even and of the odd. */
    private array $halves = [[], []];

    private int $visitors = 0;

    public function onOpen($clientId, array $request)
    {
        $half = $this->visitors++ % 2;
        $this->halves[$half][$clientId] = $clientId;
        yield 'send' => $half === 0 ? 'you are even' : 'you are odd';
    }

    // "even: …" or "odd: …", which whoever says it does not hear.
    public function onData($clientId, $message)
    {
        $half = str_starts_with($message, 'even') ? 0 : 1;
        // Nobody at all would mean everybody.
        if (array_diff($this->halves[$half], [$clientId]) !== []) {
            yield 'broadcast' => [$message, $this->halves[$half], [$clientId]];
        }
    }

    public function onClose($clientId, $code, $reason)
    {
        unset($this->halves[0][$clientId], $this->halves[1][$clientId]);
    }
}

Aerys\run(new EvenOdd());

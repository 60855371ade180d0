<?php

// Generators that yield generators. What an inner one sends goes to whom the outer one is about.

require __DIR__ . '/../aerys.php';

final class Countdown implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
    }

    public function onData($clientId, $message)
    {
        $sum = yield $this->count((int) $message);
        yield 'send' => "0, and the sum was $sum";
    }

    private function count(int $from)
    {
        $sum = 0;
        for ($number = $from; $number > 0; $number--) {
            yield 'send' => $number;
            $sum += yield self::later($number);
        }
        return $sum;
    }

    // A promise, as libraries give them.
    private static function later(int $number): Amp\Promise
    {
        return new Amp\Success($number);
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new Countdown());

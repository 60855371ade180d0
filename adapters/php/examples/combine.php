<?php

// Several things at once: all of them, whatever comes of them, or at least one.

require __DIR__ . '/../aerys.php';

final class Combined implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
    }

    // Numbers with commas between them; each is halved, and an odd one cannot be.
    public function onData($clientId, $message)
    {
        $numbers = array_map('intval', explode(',', $message));
        try {
            $halves = yield 'all' => array_map($this->half(...), $numbers);
            yield 'send' => 'all: ' . implode(' ', $halves);
        } catch (DomainException $error) {
            yield 'send' => "not all: {$error->getMessage()}";
        }
        [$errors, $halves] = yield 'any' => array_map($this->half(...), $numbers);
        yield 'send' => count($halves) . ' could be, and ' . count($errors) . ' could not';
        try {
            [, $halves] = yield 'some' => array_map($this->half(...), $numbers);
            yield 'send' => 'some: ' . implode(' ', $halves);
        } catch (Aerys\CombinatorException) {
            yield 'send' => 'none of them';
        }
    }

    private function half(int $number)
    {
        yield 'wait' => 1;
        return $number % 2 === 0 ? intdiv($number, 2) : throw new DomainException("$number is odd");
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new Combined());

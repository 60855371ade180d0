<?php

// Lets in whoever brings a token: ws://…/?token=open-sesame.

require __DIR__ . '/../aerys.php';

final class Members implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
        parse_str($request['QUERY_STRING'], $query);
        yield 'header' => ['X-Door: front', 'Cache-Control: no-store'];
        if (yield $this->isMember($query['token'] ?? '')) {
            yield 'send' => 'come in';
        } else {
            yield 'status' => 401;
            yield 'reason' => 'A token is needed';
        }
    }

    // As if a database had been asked.
    private function isMember(string $token)
    {
        yield 'wait' => 1;
        return hash_equals('open-sesame', $token);
    }

    public function onData($clientId, $message)
    {
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new Members());

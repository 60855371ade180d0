<?php

// What onOpen may do with the answer; the query says what.

require __DIR__ . '/../../php/aerys.php';

final class Openings implements Aerys\Websocket
{
    public function onOpen($clientId, array $request)
    {
        switch ($request['QUERY_STRING']) {
            case 'reason-alone':
                yield 'reason' => 'it is discarded';
                break;
            case 'too-low':
                try {
                    yield 'status' => 200;
                } catch (DomainException $error) {
                    yield 'send' => $error->getMessage();
                }
                break;
            case 'status-then-send':
                yield 'status' => 403;
                yield '@broadcast' => 'somebody was refused';
                try {
                    yield 'send' => 'never';
                } catch (Aerys\ClientGoneException) {
                    echo "refused\n";
                }
                break;
            case 'bad-headers':
                $refused = 0;
                foreach (["X: a\r\nY: b", 'no colon', 'Upgrade: h2c', 'Sec-WebSocket-Accept: x', "X: \xff"] as $header) {
                    try {
                        yield 'header' => $header;
                    } catch (DomainException) {
                        $refused++;
                    }
                }
                yield '@send' => "$refused refused";
                break;
            case 'names':
                yield 'header' => ['X-One' => '1'];
                yield '@close' => $clientId;
                break;
            case 'environment':
                yield '@send' => json_encode($request, JSON_UNESCAPED_SLASHES);
                break;
            case 'wait':
                yield 'wait' => 10;
                break;
            case 'inspect':
                yield '@inspect' => 99;
                yield 'status' => 404;
                break;
        }
    }

    public function onData($clientId, $message)
    {
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new Openings());

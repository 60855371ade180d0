<?php

// Does what its clients ask for: the query of the handshake says what onOpen does, a message what onData does.

require __DIR__ . '/../../php/aerys.php';

final class Commands implements Aerys\Websocket
{
    public function onStart()
    {
        yield 'wait' => 1;
        echo "started\n";
    }

    public function onStop()
    {
        yield 'wait' => 1;
        echo "stopped\n";
    }

    public function onOpen($clientId, array $request)
    {
        switch ($request['QUERY_STRING']) {
            case 'greet':
                yield 'header' => ['X-One: 1', 'X-Two: 2'];
                yield 'send' => 'hi';
                break;
            case 'refuse':
                yield 'header' => 'X-One: 1';
                yield 'status' => 401;
                yield 'reason' => 'Who are you?';
                break;
            case 'fail':
                throw new RuntimeException('no luck');
            case 'fail-late':
                yield 'send' => 'hi';
                throw new RuntimeException('no luck');
            case 'close':
                yield 'send' => 'hi';
                echo "before\n";
                yield 'close' => [$clientId, 4001, 'bye'];
                echo "after\n";
                break;
            case 'broadcast':
                yield 'broadcast' => 'all hear it';
                yield '@broadcast' => 'and this';
                break;
            case 'subprotocol':
                yield 'header' => 'Sec-WebSocket-Protocol: chat';
                break;
            case 'late-header':
                yield 'send' => 'hi';
                try {
                    yield 'header' => 'X-One: 1';
                } catch (LogicException $error) {
                    yield 'send' => 'too late';
                }
                break;
        }
    }

    public function onData($clientId, $message, $isText = true)
    {
        [$command, $rest] = explode(' ', $message, 2) + [1 => ''];
        switch ($command) {
            case 'echo':
                yield 'send' => $rest;
                break;
            case 'nowait':
                yield '@send' => 'one';
                yield '@send' => 'two';
                yield '@close' => [$clientId, 4000];
                break;
            case 'try':
                try {
                    yield 'send' => 'first';
                    echo "sent\n";
                    yield 'send' => 'second';
                } catch (Aerys\ClientGoneException) {
                    echo "gone\n";
                }
                break;
            case 'uncaught':
                yield 'send' => 'first';
                echo "not gone\n";
                break;
            case 'fail':
                self::fail();
                // no break
            case 'broadcast':
                [$only, $except] = array_map(json_decode(...), explode(' ', $rest));
                $tally = yield 'broadcast' => ['news', $only, $except, 'group' => 'g', 'key' => 'k', 'local' => true];
                yield 'send' => json_encode($tally);
                break;
            case 'close':
                [$id, $code, $reason] = explode(' ', $rest);
                yield 'close' => [(int) $id, (int) $code, $reason];
                yield 'send' => 'it is closed';
                break;
            case 'inspect':
                yield 'send' => (string) (yield 'inspect' => $clientId)['bytes_read'];
                break;
            case 'groups':
                yield 'join' => 'tea';
                yield 'leave' => 'milk';
                $members = yield 'group' => 'tea';
                $clients = yield 'clients' => null;
                yield 'send' => implode(' ', $members) . ', ' . implode(' ', $clients);
                break;
            case 'refused':
                try {
                    yield 'join' => 'tea';
                } catch (Aerys\CommandException $error) {
                    yield 'send' => $error->getMessage();
                }
                break;
            case 'key':
                $isSent = yield 'send' => ['price', 'key' => 'k'];
                yield 'send' => $isSent === false ? 'superseded' : 'sent';
                break;
            case 'later':
                yield 'once' => [function () {
                    yield 'send' => 'later';
                }, 5];
                break;
            case 'large':
                yield 'send' => str_repeat('é', intdiv((int) $rest, 2)) . str_repeat('x', $rest % 2);
                break;
            case 'mixed':
                foreach (explode(' ', $rest) as $size) {
                    yield '@send' => str_repeat('x', (int) $size);
                }
                break;
            case 'environment':
                yield 'send' => json_encode(getenv('AERYS_PROTOCOL'));
                break;
            default:
                yield 'send' => $message;
        }
    }

    private static function fail(): never
    {
        throw new RuntimeException('no luck');
    }

    public function onClose($clientId, $code, $reason)
    {
        echo "closed $clientId $code $reason\n";
        yield 'close' => $clientId;
        yield '@send' => 'to nobody';
        yield 'send' => 'to nobody';
        echo "not reached\n";
    }
}

Aerys\run(new Commands());

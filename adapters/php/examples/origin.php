<?php

// Pages of one site may connect, and speak the subprotocol "chat" if they know it.

require __DIR__ . '/../aerys.php';

final class SameSite implements Aerys\Websocket
{
    private const ORIGIN = 'https://mysite.com';

    public function onOpen($clientId, array $request)
    {
        if (($request['HTTP_ORIGIN'] ?? null) !== self::ORIGIN) {
            yield 'status' => 403;
            yield 'reason' => 'This is for pages of ' . self::ORIGIN;
            return;
        }
        $offered = preg_split('/\s*,\s*/', $request['HTTP_SEC_WEBSOCKET_PROTOCOL'] ?? '');
        if (in_array('chat', $offered, true)) {
            yield 'header' => 'Sec-WebSocket-Protocol: chat';
        }
        yield 'send' => 'welcome';
    }

    public function onData($clientId, $message)
    {
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new SameSite());

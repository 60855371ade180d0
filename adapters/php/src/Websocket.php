<?php

declare(strict_types=1);

namespace Aerys;

/**
 * An application: what is done when a client comes, speaks, and goes.
 *
 * Each method may be a generator, whose `yield` keys are commands, may return a promise, or may do all it has to at
 * once. Parameters have no types here, so that an application chooses those that it wants to write. `onStart()` and
 * `onStop()` are called where a class has them: before the first client comes, and before the program ends.
 */
interface Websocket
{
    /**
     * A client asks to be let in; nothing has been answered yet.
     *
     * @param int   $clientId
     * @param array $httpRequestEnv The request, by the names of CGI: `HTTP_ORIGIN`, `QUERY_STRING`, `REMOTE_ADDR`…
     */
    public function onOpen($clientId, array $httpRequestEnv);

    /**
     * A client has said something. The next it says is handled when this has ended.
     *
     * A method that has a third parameter is told there whether it came as a text.
     *
     * @param int    $clientId
     * @param string $data
     */
    public function onData($clientId, $data);

    /**
     * A client has gone. This may come while its `onOpen` or `onData` still waits for something.
     *
     * @param int    $clientId
     * @param int    $code
     * @param string $reason
     */
    public function onClose($clientId, $code, $reason);
}

<?php

// Runs what a client names, of a few commands, and sends it each line of the output.

require __DIR__ . '/../aerys.php';

final class Tail implements Aerys\Websocket
{
    private const COMMANDS = ['date' => ['date', '-u'], 'count' => ['seq', '3']];

    public function onOpen($clientId, array $request)
    {
    }

    public function onData($clientId, $message)
    {
        if (!isset(self::COMMANDS[$message])) {
            yield 'send' => 'say ' . implode(' or ', array_keys(self::COMMANDS));
            return;
        }
        $process = proc_open(self::COMMANDS[$message], [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
        stream_set_blocking($pipes[1], false);
        yield 'onreadable' => [$pipes[1], function (int $watcher, $output) use ($process) {
            while (($line = fgets($output)) !== false) {
                yield 'send' => rtrim($line);
            }
            if (feof($output)) {
                yield 'cancel' => $watcher;
                fclose($output);
                yield 'send' => 'ended with ' . proc_close($process);
            }
        }];
    }

    public function onClose($clientId, $code, $reason)
    {
    }
}

Aerys\run(new Tail());

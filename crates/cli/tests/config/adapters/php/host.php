<?php
// Runs a script that gives what is to be served, and answers each message with the number of its endpoint.
$stream = fopen('php://fd/0', 'r+');
$say = fn (int $type, int $endpoint, int $client, int $seq, string $payload) =>
    fwrite($stream, pack('NCnJN', 15 + strlen($payload), $type, $endpoint, $client, $seq) . $payload);
$say(1, 0, 0, 0, json_encode(['version' => 1, 'config' => require $argv[1]]));
while (strlen($head = (string) stream_get_contents($stream, 19)) === 19) {
    ['length' => $length, 'type' => $type, 'endpoint' => $endpoint, 'client' => $client, 'seq' => $seq] =
        unpack('Nlength/Ctype/nendpoint/Jclient/Nseq', $head);
    $payload = $length > 15 ? stream_get_contents($stream, $length - 15) : '';
    if ($type === 2) {
        $say(3, 0, 0, 0, '');
    } elseif ($type === 4) {
        $say(5, 0, 0, $seq, '');
    } elseif ($type >= 16 && $type <= 18) {
        if ($type === 17) {
            $say(36, $endpoint, $client, 0, "\1endpoint $endpoint of " . getmypid());
        }
        $say(32, $endpoint, $client, $seq, "\0");
    }
}

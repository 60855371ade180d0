<?php

// The chat that the page of the `aerys` binary speaks to: a room for each name, and the lobby. It is mounted at
// `/chat` and at `/chat/{room}`.

require __DIR__ . '/../aerys.php';

final class Chat implements Aerys\Websocket
{
    private const LOBBY = 'lobby';
    private const MAX_NAME = 32;
    private const MAX_TEXT = 2000;
    private const MAX_LISTED = 50;

    /** How long the list of rooms waits for more to change, in milliseconds. */
    private const LIST_PERIOD = 250;

    /** @var array<int, string> In which room each client is. */
    private array $rooms = [];
    /** @var array<string, array<int, string>> The names of those who have joined, by room and id. */
    private array $people = [];
    /** @var array<string, true> The paths that it is mounted at. */
    private array $paths = [];
    private bool $isListDue = false;

    public function onOpen($clientId, array $request)
    {
        $this->paths[$request['ENDPOINT_PATH']] = true;
        $room = self::trimmed($request['PATH_PARAMS']['room'] ?? self::LOBBY, self::MAX_NAME, '\P{Cc}');
        if ($room === null) {
            yield 'status' => 404;
            yield 'reason' => "A room's name has 1 to 32 characters, none of them a control character.";
            return;
        }
        $this->rooms[$clientId] = $room;
    }

    public function onData($clientId, $message)
    {
        $request = json_decode($message, true);
        $type = is_array($request) ? $request['type'] ?? null : null;
        $complaint = match (true) {
            $type === 'join' && is_string($request['name'] ?? null) => yield $this->join($clientId, $request['name']),
            $type === 'say' && is_string($request['text'] ?? null) => yield $this->say($clientId, $request['text']),
            default => 'This is no request: ' . ($request === null ? json_last_error_msg() : 'it neither joins nor says') . '.',
        };
        if ($complaint !== null) {
            yield '@send' => self::json('error', ['text' => $complaint]);
        }
    }

    public function onClose($clientId, $code, $reason)
    {
        $room = $this->rooms[$clientId];
        $name = $this->people[$room][$clientId] ?? null;
        unset($this->rooms[$clientId], $this->people[$room][$clientId]);
        if (($this->people[$room] ?? null) === []) {
            unset($this->people[$room]);
        }
        if ($name !== null) {
            $about = ['id' => $clientId, 'name' => $name, 'count' => count($this->people[$room] ?? [])];
            yield $this->tell($room, self::json('left', $about));
            yield from $this->listSoon();
        }
    }

    /** Answers what is wrong, if anything is. */
    private function join(int $id, string $given)
    {
        $room = $this->rooms[$id];
        if (isset($this->people[$room][$id])) {
            return "You have joined already, as {$this->people[$room][$id]}.";
        }
        $name = self::trimmed($given, self::MAX_NAME, '\P{Cc}');
        if ($name === null) {
            return 'A name has 1 to 32 characters, none of them a control character.';
        }
        $this->people[$room][$id] = $name;
        $people = $this->people[$room];
        $about = ['id' => $id, 'name' => $name, 'count' => count($people)];
        yield '@join' => $room;
        yield '@send' => self::json('welcome', $about + ['people' => array_values($people)]);
        yield '@send' => [$this->list(), 'key' => 'rooms'];
        yield $this->tell($room, self::json('joined', $about), [$id]);
        yield from $this->listSoon();
        return null;
    }

    private function say(int $id, string $given)
    {
        $room = $this->rooms[$id];
        $name = $this->people[$room][$id] ?? null;
        if ($name === null) {
            return 'Join with a name before you say something.';
        }
        $text = preg_replace('/[\s\p{Z}\x{85}]+$/Du', '', $given);
        if (!preg_match('/^.{1,' . self::MAX_TEXT . '}$/Dus', $text)) {
            return 'A message has 1 to 2000 characters.';
        }
        $about = ['id' => $id, 'name' => $name, 'text' => $text, 'at' => (int) (microtime(true) * 1000)];
        yield $this->tell($room, self::json('said', $about), local: false);
        return null;
    }

    /** Tells the list of rooms to everybody who is in one, a moment after it has changed. */
    private function listSoon()
    {
        if (!$this->isListDue) {
            $this->isListDue = true;
            yield 'nowait' => $this->tellList();
        }
    }

    private function tellList()
    {
        yield 'wait' => self::LIST_PERIOD;
        $this->isListDue = false;
        $list = $this->list();
        foreach (array_keys($this->people) as $room) {
            foreach (array_keys($this->paths) as $path) {
                yield '@broadcast' => [$list, 'group' => (string) $room, 'path' => $path, 'key' => 'rooms', 'local' => true];
            }
        }
    }

    /** Everybody in a room, at whichever path they came, but for some. */
    private function tell(string $room, string $news, array $except = [], bool $local = true)
    {
        foreach (array_keys($this->paths) as $path) {
            yield '@broadcast' => [$news, [], $except, 'group' => $room, 'path' => $path, 'local' => $local];
        }
    }

    /** The lobby, and the largest rooms. */
    private function list(): string
    {
        $counts = array_map('count', $this->people);
        $lobby = ['name' => self::LOBBY, 'count' => $counts[self::LOBBY] ?? 0];
        unset($counts[self::LOBBY]);
        $rooms = [];
        foreach ($counts as $name => $count) {
            $rooms[] = ['name' => (string) $name, 'count' => $count];
        }
        usort($rooms, static fn ($a, $b) => [$b['count'], $a['name']] <=> [$a['count'], $b['name']]);
        return self::json('rooms', ['rooms' => [$lobby, ...array_slice($rooms, 0, self::MAX_LISTED - 1)]]);
    }

    private static function trimmed(string $given, int $most, string $character): ?string
    {
        $trimmed = preg_replace('/^[\s\p{Z}\x{85}]+|[\s\p{Z}\x{85}]+$/Du', '', $given);
        return $trimmed !== null && preg_match("/^$character{1,$most}$/Du", $trimmed) ? $trimmed : null;
    }

    private static function json(string $type, array $about): string
    {
        return json_encode(['type' => $type] + $about, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    }
}

Aerys\run(new Chat());

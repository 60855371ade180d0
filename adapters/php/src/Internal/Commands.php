<?php

declare(strict_types=1);

namespace Aerys\Internal;

use Aerys\ClientGone;
use Aerys\ClientGoneException;
use Aerys\CommandException;

use function array_map, array_values, chr, count, ctype_digit, get_debug_type, is_array, is_int, is_string, json_decode;
use function ltrim, pack, preg_match, strlen, substr;

/** What the keys of yields mean. */
final class Commands
{
    private const LAST_SEQ = 0xFFFFFFFF;
    /** That of a command whose result nobody waits for. */
    private const NO_SEQ = "\0\0\0\0";

    /** The length of a frame without its payload, and of the flags of a message. */
    private const AROUND = Frame::HEAD + 1;

    public int $maxFrame = 16777216;
    /** @var array<int, array{endpoint: int, host: ?string, path: string}> By their numbers. */
    public array $endpoints = [];

    private int $seq = 0;
    /** @var array<string, Task> Who waits for the result of which command, by its seq as it is written. */
    private array $waiting = [];
    /** @var list<Task> Who waits until the server is owed less. */
    private array $held = [];

    private readonly Watchers $watchers;
    private readonly Combinators $combinators;

    public function __construct(
        private readonly Stream $stream,
        private readonly Loop $loop,
        private readonly Scheduler $scheduler,
    ) {
        $this->watchers = new Watchers($loop, $scheduler, $this);
        $this->combinators = new Combinators($scheduler);
    }

    /**
     * Does what a yield asks for.
     *
     * @param mixed $value Takes what the yield is to give back.
     * @return bool False if the generator has to wait: it is resumed then.
     */
    public function execute(Task $task, string $key, mixed $yielded, mixed &$value): bool
    {
        $waits = $key[0] !== '@';
        switch ($waits ? $key : substr($key, 1)) {
            case 'broadcast':
                return $this->broadcast($task, $yielded, $waits);
            case 'close':
                return $this->close($task, $yielded, $waits);
            case 'inspect':
                return $this->command($task, Frame::INSPECT, self::id($yielded), '', $waits);
            case 'join':
                return $this->ofClient($task, Frame::JOIN, self::group($yielded), $waits);
            case 'leave':
                return $this->ofClient($task, Frame::LEAVE, self::group($yielded), $waits);
            case 'group':
                return $this->command($task, Frame::GROUP, 0, self::group($yielded), $waits);
            case 'clients':
                return $this->command($task, Frame::CLIENTS, 0, '', $waits);
            case 'status':
                Handshake::status($task->context, $yielded);
                return true;
            case 'reason':
                Handshake::reason($task->context, $yielded);
                return true;
            case 'header':
                $this->stream->out .= Handshake::header($task->context, $yielded);
                return true;
            case 'wait':
                if (!$waits) {
                    return true;
                }
                $this->loop->after((float) $yielded, fn () => $this->scheduler->resume($task));
                return false;
            case 'immediately':
            case 'once':
            case 'repeat':
            case 'onreadable':
            case 'onwritable':
                $value = $this->watchers->add($task->context, ltrim($key, '@'), $yielded);
                return true;
            case 'enable':
                $this->watchers->enable((int) $yielded);
                return true;
            case 'disable':
                $this->watchers->disable((int) $yielded);
                return true;
            case 'cancel':
                $this->watchers->cancel((int) $yielded);
                return true;
            case 'all':
            case 'any':
            case 'some':
                return $this->combine($task, ltrim($key, '@'), $yielded, $waits);
            case 'nowait':
                $this->scheduler->observe($yielded, $task->context, function ($error) use ($task) {
                    $error !== null && $this->fault($task->context, $error);
                });
                return true;
            default:
                throw new \DomainException("There is no command '$key'.");
        }
    }

    /** Says a message to the task's client. As with others, false if the generator has to wait. */
    public function send(Task $task, mixed $message, bool $waits): bool
    {
        $context = $task->context;
        if ($context->state !== Context::ACCEPTED && !$this->speak($context)) {
            return self::gone($waits);
        }
        $key = null;
        if (is_array($message)) {
            [$message, $key] = [$message[0] ?? '', $message['key'] ?? null];
        }
        $message = (string) $message;
        $flags = (int) preg_match('//u', $message);
        if ($key !== null) {
            $flags |= Frame::HAS_KEY;
            $message = self::text((string) $key) . $message;
        }
        $length = strlen($message);
        if ($length + self::AROUND > $this->maxFrame) {
            throw $this->tooLong($length);
        }
        $seq = $waits ? $this->await($task, Frame::SEND) : self::NO_SEQ;
        $head = pack('NC', Frame::COUNTED + 1 + $length, Frame::SEND);
        $flags = chr($flags);
        $this->stream->out .= "$head$context->head$seq$flags$message";
        return !$waits && $this->goOn($task);
    }

    private function broadcast(Task $task, mixed $given, bool $waits): bool
    {
        $context = $task->context;
        $isPending = $context->state === Context::PENDING && $this->speak($context);
        $given = is_array($given) ? $given : [$given];
        $message = (string) ($given[0] ?? '');
        [$only, $except] = [self::ids($given[1] ?? []), self::ids($given[2] ?? [])];
        $flags = (int) preg_match('//u', $message);
        $head = '';
        if (isset($given['group'])) {
            $flags |= Frame::HAS_GROUP;
            $head .= self::text((string) $given['group']);
        }
        if (isset($given['key'])) {
            $flags |= Frame::HAS_KEY;
            $head .= self::text((string) $given['key']);
        }
        if ($only !== []) {
            $flags |= Frame::HAS_ONLY;
            $head .= pack('NJ*', count($only), ...$only);
        }
        if ($except !== []) {
            $flags |= Frame::HAS_EXCEPT;
            $head .= pack('NJ*', count($except), ...$except);
        }
        if ($given['local'] ?? false) {
            $flags |= Frame::IS_LOCAL;
        }
        $payload = chr($flags) . $head . $message;
        if (isset($given['path'])) {
            $endpoint = $this->endpointAt((string) $given['path'], $context);
            if ($endpoint !== $context->endpoint) {
                return $this->command($task, Frame::BROADCAST, 0, $payload, $waits, $endpoint);
            }
        }
        return $this->command($task, Frame::BROADCAST, $isPending ? $context->id : 0, $payload, $waits);
    }

    /** The number of that with another path, on the same host. */
    private function endpointAt(string $path, Context $context): int
    {
        $host = $this->endpoints[$context->endpoint]['host'];
        foreach ($this->endpoints as $number => $endpoint) {
            if ($endpoint['path'] === $path && $endpoint['host'] === $host) {
                return $number;
            }
        }
        throw new \DomainException("This program serves nobody at $path.");
    }

    private function close(Task $task, mixed $given, bool $waits): bool
    {
        $given = is_array($given) ? array_values($given) : [$given];
        $id = self::id($given[0] ?? null);
        $context = $task->context;
        if ($id === $context->id && $context->state !== Context::ACCEPTED && !$this->speak($context)) {
            // It has been closed.
            return true;
        }
        $code = $given[1] ?? 1000;
        if (!is_int($code) || $code < 0 || $code > 0xFFFF) {
            throw new \DomainException('A close has a code that is a number from 1000 to 4999.');
        }
        $reason = Utf8::check((string) ($given[2] ?? ''), 'The reason of a close');
        return $this->command($task, Frame::CLOSE, $id, pack('n', $code) . $reason, $waits);
    }

    private function ofClient(Task $task, int $type, string $payload, bool $waits): bool
    {
        $context = $task->context;
        if ($context->state !== Context::ACCEPTED && !$this->speak($context)) {
            return self::gone($waits);
        }
        return $this->command($task, $type, $context->id, $payload, $waits);
    }

    private function command(
        Task $task,
        int $type,
        int $client,
        string $payload,
        bool $waits,
        ?int $endpoint = null,
    ): bool {
        if (strlen($payload) + self::AROUND > $this->maxFrame) {
            throw $this->tooLong(strlen($payload));
        }
        $seq = $waits ? $this->await($task, $type) : self::NO_SEQ;
        $length = Frame::COUNTED + strlen($payload);
        $this->stream->out .= pack('NCnJ', $length, $type, $endpoint ?? $task->context->endpoint, $client) . $seq . $payload;
        return !$waits && $this->goOn($task);
    }

    private function combine(Task $task, string $how, mixed $given, bool $waits): bool
    {
        $onEnd = $waits
            // Not before the generator is at its yield, and has stopped there.
            ? fn ($error, $value) => $this->loop->defer(fn () => $this->scheduler->resume($task, $value, $error))
            : static fn () => null;
        $this->combinators->combine($how, $given, $task->context, $onEnd);
        return !$waits;
    }

    /** Has the handshake answered, if it is not; false if there is nobody any more to say anything to. */
    private function speak(Context $context): bool
    {
        if ($context->state === Context::NOBODY) {
            throw new \LogicException('There is no client here whom this would be about: broadcast, or name one.');
        }
        $this->stream->out .= Handshake::answer($context);
        return $context->state === Context::ACCEPTED;
    }

    /** The seq of a command whose result a task waits for. */
    private function await(Task $task, int $type): string
    {
        if ($this->stream->hasEnded) {
            throw new ClientGoneException('The server has gone, and all clients with it.');
        }
        $this->seq = $this->seq === self::LAST_SEQ ? 1 : $this->seq + 1;
        $seq = pack('N', $this->seq);
        $this->waiting[$seq] = $task;
        $task->command = $type;
        return $seq;
    }

    /** Whether who does not want to wait need not. */
    private function goOn(Task $task): bool
    {
        if (strlen($this->stream->out) > Stream::FLUSH_AT) {
            $this->stream->flush();
            if ($this->stream->isFull) {
                $this->held[] = $task;
                return false;
            }
        }
        return true;
    }

    /** Goes on with those who were held up, if the server is owed little. */
    public function release(): void
    {
        if ($this->held && !$this->stream->isFull) {
            [$held, $this->held] = [$this->held, []];
            foreach ($held as $task) {
                $this->scheduler->resume($task);
            }
        }
    }

    /** The server tells what became of a command. */
    public function result(string $seq, int $outcome, string $json): void
    {
        $task = $this->waiting[$seq] ?? null;
        if ($task === null) {
            return;
        }
        unset($this->waiting[$seq]);
        switch ($outcome) {
            case Frame::IS_DONE:
                $value = $json === '' ? null : json_decode($json, true);
                $isList = $task->command === Frame::GROUP || $task->command === Frame::CLIENTS;
                $this->scheduler->resume($task, $isList ? $value['clients'] : $value);
                break;
            case Frame::IS_GONE:
                $error = $task->command === Frame::CLOSE ? null : new ClientGoneException('The client has gone.');
                $this->scheduler->resume($task, null, $error);
                break;
            case Frame::IS_REFUSED:
                $this->scheduler->resume($task, null, new CommandException($json));
                break;
            default:
                $this->scheduler->resume($task, false);
        }
    }

    /** What nobody caught outside an event: its client is closed, as if it had been in one. */
    public function fault(Context $context, \Throwable $error): void
    {
        if ($error instanceof ClientGone) {
            return;
        }
        Log::fault($context, '', $error);
        if ($context->state === Context::ACCEPTED) {
            $payload = pack('n', 1011);
            $this->stream->out .= Frame::pack(Frame::CLOSE, $context->endpoint, $context->id, 0, $payload);
        }
    }

    /** The client has gone: so have its watchers. */
    public function forget(Context $context): void
    {
        foreach ($context->watchers as $id => $_) {
            $this->watchers->cancel($id);
        }
    }

    private function tooLong(int $length): \LengthException
    {
        return new \LengthException(
            "This message has $length bytes, and the server takes at most $this->maxFrame with all that is around it.",
        );
    }

    private static function gone(bool $waits): bool
    {
        return $waits ? throw new ClientGoneException('The client has gone.') : true;
    }

    private static function text(string $text): string
    {
        if (strlen($text) > 0xFFFF) {
            throw new \LengthException('The name of a group, and a key, have at most 65535 bytes.');
        }
        return pack('n', strlen($text)) . Utf8::check($text, 'The name of a group, or a key,');
    }

    private static function group(mixed $given): string
    {
        return Utf8::check((string) $given, 'The name of a group');
    }

    private static function id(mixed $given): int
    {
        if (!is_int($given) && !(is_string($given) && ctype_digit($given))) {
            throw new \DomainException('A client is named by its number, and not by ' . get_debug_type($given) . '.');
        }
        return (int) $given;
    }

    /** @return list<int> */
    private static function ids(mixed $given): array
    {
        return array_map(self::id(...), array_values((array) $given));
    }
}

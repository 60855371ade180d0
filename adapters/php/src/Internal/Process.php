<?php

declare(strict_types=1);

namespace Aerys\Internal;

use Aerys\ClientGone;
use Aerys\Websocket;

use function array_column, chr, json_decode, json_encode, method_exists, ord, pack, strlen, substr, unpack;

/**
 * The process's side of the protocol: what the server sends is given to applications, and the server is told when each
 * event has been handled.
 */
final class Process
{
    private const ADAPTER = 'php 1.0';

    private readonly Loop $loop;
    private readonly Scheduler $scheduler;
    private readonly Commands $commands;

    /** @var array<int, Context> Clients by their ids. */
    private array $clients = [];
    /** @var array<int, Context> Endpoints by their numbers. */
    private array $endpoints = [];
    /** How many have to start before the first client may come, or to stop before the end. */
    private int $pending = 0;

    /**
     * @param \Closure(array): array<int, Websocket> $mount Finds the application of each endpoint of START.
     */
    public function __construct(private readonly Stream $stream, private readonly \Closure $mount)
    {
        $this->loop = new Loop();
        $this->scheduler = new Scheduler($this->stream, $this->loop, $this->eventEnded(...));
        $this->commands = $this->scheduler->commands();
    }

    /** Serves until the server closes its side of the stream. */
    public function run(?array $config): void
    {
        $hello = ['version' => Frame::VERSION, 'adapter' => self::ADAPTER, 'config' => $config];
        $json = json_encode($hello, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        $this->stream->out .= Frame::pack(Frame::HELLO, 0, 0, 0, $json);
        $this->stream->flush();
        $receive = $this->receive(...);
        while (!$this->stream->hasEnded) {
            $this->loop->turn($this->stream, $receive);
            $this->commands->release();
        }
        $this->all('onStop', static fn () => null);
        // What waits for nothing waits in vain.
        while ($this->pending > 0 && !$this->loop->isIdle()) {
            $this->loop->turn($this->stream, $receive);
        }
    }

    private function receive(string $bytes): void
    {
        $end = strlen($bytes);
        $at = 0;
        while ($end - $at >= Frame::HEAD) {
            // Two numbers of 64 bits have all but the seq in them: an id has fewer than 56. That takes half as long as
            // to unpack the fields one by one.
            ['a' => $first, 'b' => $second] = unpack('Ja/Jb', $bytes, $at);
            $next = $at + 4 + ($first >> 32);
            if ($next > $end) {
                $this->stream->keep($at === 0 ? $bytes : substr($bytes, $at), $next - $at);
                return;
            }
            $payload = $at + Frame::HEAD;
            $type = $first >> 24 & 0xFF;
            if ($type === Frame::DATA) {
                $context = $this->clients[$second >> 8];
                $isText = $bytes[$payload] === "\1";
                $this->data($context, substr($bytes, $at + 5, 14), substr($bytes, $payload + 1, $next - $payload - 1), $isText);
            } elseif ($type === Frame::RESULT) {
                $value = $next === $payload + 1 ? '' : substr($bytes, $payload + 1, $next - $payload - 1);
                $this->commands->result(substr($bytes, $at + 15, 4), ord($bytes[$payload]), $value);
            } else {
                $about = substr($bytes, $at + 5, 14);
                $this->rare($type, $first >> 8 & 0xFFFF, $second >> 8, $about, substr($bytes, $payload, $next - $payload));
            }
            $at = $next;
        }
        if ($at < $end) {
            $this->stream->keep(substr($bytes, $at), Frame::HEAD);
        }
    }

    /** @param string $about The frame's endpoint, client and seq, as they are written. */
    private function rare(int $type, int $endpoint, int $client, string $about, string $payload): void
    {
        switch ($type) {
            case Frame::OPEN:
                $this->open($endpoint, $client, $about, $payload);
                break;
            case Frame::CLOSED:
                $this->closed($client, $about, $payload);
                break;
            case Frame::PING:
                $this->stream->out .= pack('NC', Frame::COUNTED, Frame::PONG) . $about;
                break;
            case Frame::START:
                $this->start(json_decode($payload, true, flags: JSON_THROW_ON_ERROR));
                break;
            case Frame::PONG:
            case Frame::STOP:
                // Clients go one by one, and then the server closes the stream.
                break;
            default:
                Launch::fail("The server has sent a frame of type $type, which this adapter does not know.");
        }
    }

    private function start(array $start): void
    {
        if ($start['version'] !== Frame::VERSION) {
            Launch::fail("The server speaks version {$start['version']} of the protocol, and this adapter "
                . Frame::VERSION . ': one of them is too old.');
        }
        $this->commands->maxFrame = $start['max_frame'];
        $this->commands->endpoints = array_column($start['endpoints'], null, 'endpoint');
        foreach (($this->mount)($start['endpoints']) as $endpoint => $application) {
            $this->endpoints[$endpoint] = new Context(0, $endpoint, $application, Context::NOBODY);
        }
        $this->all('onStart', fn () => $this->stream->out .= Frame::pack(Frame::READY, 0, 0, 0));
    }

    /** Calls each application that has such a method, and then whoever waits for all of them. */
    private function all(string $method, \Closure $onEnd): void
    {
        $this->pending++;
        $one = fn () => --$this->pending > 0 || $onEnd();
        foreach ($this->endpoints as $context) {
            if (!method_exists($context->application, $method)) {
                continue;
            }
            $this->pending++;
            $ended = static function (?\Throwable $error) use ($context, $method, $one): void {
                if ($error !== null && !$error instanceof ClientGone) {
                    Log::fault($context, $method, $error);
                    // Who cannot start serves nobody: the server tries again.
                    $method === 'onStart' && exit(1);
                }
                $one();
            };
            try {
                $this->scheduler->observe($context->application->$method(), $context, $ended);
            } catch (\Throwable $error) {
                $ended($error);
            }
        }
        $one();
    }

    private function open(int $endpoint, int $client, string $event, string $json): void
    {
        $application = $this->endpoints[$endpoint]->application;
        $context = new Context($client, $endpoint, $application, Context::PENDING);
        $this->clients[$client] = $context;
        try {
            $request = json_decode($json, true, flags: JSON_THROW_ON_ERROR);
            $returned = $application->onOpen($client, Environment::of($request, $this->commands->endpoints[$endpoint]['path']));
        } catch (\Throwable $error) {
            $this->ended($context, Frame::OPEN, $event, $error);
            return;
        }
        $this->goOn($returned, $context, Frame::OPEN, $event);
    }

    private function data(Context $context, string $event, string $message, bool $isText): void
    {
        try {
            $returned = $context->application->onData($context->id, $message, $isText);
        } catch (\Throwable $error) {
            $this->ended($context, Frame::DATA, $event, $error);
            return;
        }
        if ($returned === null) {
            $this->stream->out .= Frame::DONE_HEAD . $event . Frame::IS_HANDLED;
        } elseif ($returned instanceof \Generator) {
            $this->scheduler->run(new Task($returned, $context, Frame::DATA, $event), null, null, true);
        } else {
            $this->goOn($returned, $context, Frame::DATA, $event);
        }
    }

    private function closed(int $client, string $event, string $payload): void
    {
        $context = $this->clients[$client] ?? null;
        if ($context === null) {
            // The application has nothing of it.
            $this->stream->out .= Frame::DONE_HEAD . $event . Frame::IS_HANDLED;
            return;
        }
        unset($this->clients[$client]);
        $context->state = Context::GONE;
        $this->commands->forget($context);
        ['code' => $code] = unpack('ncode', $payload);
        try {
            $returned = $context->application->onClose($client, $code, substr($payload, 2));
        } catch (\Throwable $error) {
            $this->ended($context, Frame::CLOSED, $event, $error);
            return;
        }
        $this->goOn($returned, $context, Frame::CLOSED, $event);
    }

    private function goOn(mixed $returned, Context $context, int $kind, string $event): void
    {
        if ($returned instanceof \Generator) {
            $this->scheduler->run(new Task($returned, $context, $kind, $event), null, null, true);
        } elseif (Scheduler::isPromise($returned)) {
            $onEnd = fn (?\Throwable $error) => $this->ended($context, $kind, $event, $error);
            $this->scheduler->observe($returned, $context, $onEnd);
        } else {
            $this->ended($context, $kind, $event, null);
        }
    }

    private function eventEnded(Task $task, ?\Throwable $error): void
    {
        $this->ended($task->context, $task->kind, $task->event, $error);
    }

    private function ended(Context $context, int $kind, string $event, ?\Throwable $error): void
    {
        $outcome = Frame::HANDLED;
        // Nobody has to catch that a client has gone.
        if ($error !== null && !$error instanceof ClientGone) {
            $outcome = Frame::FAILED;
            $methods = [Frame::OPEN => 'onOpen', Frame::DATA => 'onData', Frame::CLOSED => 'onClose'];
            Log::fault($context, $methods[$kind], $error);
        }
        if ($kind === Frame::OPEN) {
            if ($outcome === Frame::HANDLED) {
                $this->stream->out .= Handshake::answer($context);
            }
            if ($context->state === Context::PENDING || $context->state === Context::REFUSED) {
                // No client comes of it.
                $context->state = Context::GONE;
                unset($this->clients[$context->id]);
                $this->commands->forget($context);
            }
        }
        $this->stream->out .= Frame::DONE_HEAD . $event . chr($outcome);
    }
}

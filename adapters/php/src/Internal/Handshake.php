<?php

declare(strict_types=1);

namespace Aerys\Internal;

/** What `onOpen` says of the answer to a handshake, until that leaves. */
final class Handshake
{
    /** Set by the server alone. */
    private const RESERVED = '/^(connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/i';

    public static function status(Context $context, mixed $status): void
    {
        self::check($context, 'status');
        if (!is_numeric($status) || $status < 400 || $status > 599) {
            throw new \DomainException('A status refuses the handshake, and is a number from 400 to 599.');
        }
        $context->status = (int) $status;
    }

    public static function reason(Context $context, mixed $reason): void
    {
        self::check($context, 'reason');
        $context->reason = self::line((string) $reason);
    }

    /** The frames for one header, or for several. */
    public static function header(Context $context, mixed $headers): string
    {
        self::check($context, 'header');
        $frames = '';
        foreach ((array) $headers as $name => $header) {
            $header = self::line(is_string($name) ? "$name: $header" : (string) $header);
            [$name, $value] = explode(':', $header, 2) + [1 => null];
            if ($value === null || !preg_match('/^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$/', $name)) {
                throw new \DomainException("A header is written as 'Name: value', and not '$header'.");
            }
            if (strcasecmp($name, 'Sec-WebSocket-Protocol') === 0) {
                $context->subprotocol = trim($value);
            } elseif (preg_match(self::RESERVED, $name)) {
                throw new \DomainException("$name is for the server to say.");
            } else {
                $frames .= Frame::pack(Frame::HEADER, $context->endpoint, $context->id, 0, $header);
            }
        }
        return $frames;
    }

    /** The frames for the answer, if there has been none, and if the first thing said will not be it. */
    public static function answer(Context $context): string
    {
        if ($context->state !== Context::PENDING) {
            return '';
        }
        if ($context->status !== 0) {
            $context->state = Context::REFUSED;
            $payload = pack('n', $context->status) . $context->reason;
            return Frame::pack(Frame::REFUSE, $context->endpoint, $context->id, 0, $payload);
        }
        $context->state = Context::ACCEPTED;
        return $context->subprotocol === ''
            ? ''
            : Frame::pack(Frame::ACCEPT, $context->endpoint, $context->id, 0, $context->subprotocol);
    }

    private static function check(Context $context, string $command): void
    {
        if ($context->state !== Context::PENDING) {
            throw new \LogicException("'$command' is for onOpen, before anything is sent there: "
                . 'the handshake has been answered.');
        }
    }

    private static function line(string $line): string
    {
        if (preg_match('/[\x00-\x08\x0A-\x1F\x7F]/', $line)) {
            throw new \DomainException('What goes into the head of a response is one line, without control characters.');
        }
        return Utf8::check($line, 'What goes into the head of a response');
    }
}

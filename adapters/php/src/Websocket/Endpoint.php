<?php

declare(strict_types=1);

namespace Aerys\Websocket;

/** Names of an endpoint's options: those of the configuration file. Sizes are in bytes, periods in seconds. */
final class Endpoint
{
    public const OP_MAX_FRAME_SIZE = 'max_frame_size';
    public const OP_MAX_MSG_SIZE = 'max_msg_size';
    /** 0 or less is no heartbeat. */
    public const OP_HEARTBEAT_PERIOD = 'heartbeat_period';
    public const OP_CLOSE_PERIOD = 'close_period';
    public const OP_VALIDATE_UTF8 = 'validate_utf8';
    public const OP_TEXT_ONLY = 'text_only';
    public const OP_AUTO_FRAME_SIZE = 'auto_frame_size';
    public const OP_QUEUED_PING_LIMIT = 'queued_ping_limit';

    private const PERIODS = [self::OP_HEARTBEAT_PERIOD, self::OP_CLOSE_PERIOD];

    /** The options as the configuration file writes them. */
    public static function configuration(array $options): array
    {
        foreach ($options as $name => $value) {
            if (in_array($name, self::PERIODS, true) && (is_int($value) || is_float($value))) {
                $off = $name === self::OP_HEARTBEAT_PERIOD && $value <= 0;
                $options[$name] = $off ? false : round($value * 1000) . ' ms';
            }
        }
        return $options;
    }
}

<?php

declare(strict_types=1);

namespace Aerys\Internal;

use function feof, fopen, fread, fwrite, in_array, stream_get_meta_data, stream_set_blocking, stream_set_read_buffer;
use function stream_set_timeout, strlen, substr;

/**
 * The stream to the server: whole frames out of what is read, and one write for all that has gathered.
 *
 * It waits for the server where it is told to, and nowhere else. What the kernel does not take yet is kept, and reading
 * goes on meanwhile.
 */
final class Stream
{
    /** How much is read at once, in bytes. */
    private const READ_SIZE = 131072;
    /** For how long something is waited for at a time, in seconds. */
    private const WAIT = 1;
    /** What has gathered is written when it is more than this, though the turn is not over. */
    public const FLUSH_AT = 262144;
    /** Who does not want to wait has to, when this much waits for the server. */
    private const FULL_AT = 16777216;

    /** What is to be written. Whoever has something to say appends it. */
    public string $out = '';
    /** Whether the server is owed so much that nothing should be added. */
    public bool $isFull = false;
    public bool $hasEnded = false;
    /** Whether there is something that the kernel has not taken yet. */
    public bool $isWriting = false;

    /** That, and how much of it has been written. */
    private string $writing = '';
    private int $written = 0;
    /** The beginning of a frame whose end has not come. */
    private string $partial = '';
    /** How long that has to be before it is worth a look. */
    private int $wanted = Frame::HEAD;

    /**
     * @param resource $stream
     * @param resource $waiting The same socket, to wait for: that takes a third of what a select takes.
     */
    private function __construct(public readonly mixed $stream, private readonly mixed $waiting)
    {
        stream_set_blocking($stream, false);
        // Reads are as large as what is asked for.
        stream_set_read_buffer($stream, 0);
        stream_set_read_buffer($waiting, 0);
        stream_set_timeout($waiting, self::WAIT);
    }

    /** Null if standard input is no stream. */
    public static function ofStandardInput(): ?self
    {
        $streams = [fopen('php://fd/0', 'r+'), fopen('php://fd/0', 'r+')];
        return in_array(false, $streams, true) ? null : new self(...$streams);
    }

    /** As [read], once there is something, or no longer than so that the handler of a signal has its turn. */
    public function wait(): string
    {
        $chunk = @fread($this->waiting, self::READ_SIZE);
        if ($chunk === false && stream_get_meta_data($this->waiting)['timed_out']) {
            return '';
        }
        return $this->complete($chunk);
    }

    /** The bytes of all frames that are complete; they may be followed by a part of another, which is to be given back. */
    public function read(): string
    {
        return $this->complete(@fread($this->stream, self::READ_SIZE));
    }

    private function complete(string|false $chunk): string
    {
        if ($chunk === false || $chunk === '') {
            $this->hasEnded = $chunk === false || feof($this->stream);
            return '';
        }
        if ($this->partial === '') {
            return $chunk;
        }
        $this->partial .= $chunk;
        if (strlen($this->partial) < $this->wanted) {
            return '';
        }
        $bytes = $this->partial;
        $this->partial = '';
        return $bytes;
    }

    /** Keeps the beginning of a frame until so many bytes of it are there. */
    public function keep(string $partial, int $wanted): void
    {
        $this->partial = $partial;
        $this->wanted = $wanted;
    }

    /** Hands over to the kernel what it takes. */
    public function flush(): void
    {
        if ($this->isWriting) {
            $this->writeOn();
            return;
        }
        if ($this->out === '') {
            return;
        }
        $count = @fwrite($this->stream, $this->out);
        if ($count === strlen($this->out)) {
            $this->out = '';
        } elseif ($count === false) {
            $this->hasEnded = true;
        } else {
            [$this->writing, $this->out, $this->written] = [$this->out, '', $count];
            $this->isWriting = true;
            $this->isFull = strlen($this->writing) - $count > self::FULL_AT;
        }
    }

    /** Goes on with what was not taken, and then with what has gathered since. */
    private function writeOn(): void
    {
        while ($this->written < strlen($this->writing)) {
            $rest = substr($this->writing, $this->written, self::FLUSH_AT);
            $count = @fwrite($this->stream, $rest);
            if ($count === false) {
                $this->hasEnded = true;
                return;
            }
            $this->written += $count;
            if ($count < strlen($rest)) {
                $owed = strlen($this->writing) - $this->written + strlen($this->out);
                $this->isFull = $owed > self::FULL_AT;
                return;
            }
        }
        $this->writing = '';
        $this->isWriting = $this->isFull = false;
        $this->flush();
    }
}

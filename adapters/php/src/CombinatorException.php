<?php

declare(strict_types=1);

namespace Aerys;

/** All that `yield 'some'` was given have failed. */
final class CombinatorException extends \RuntimeException
{
    /** @param array<\Throwable> $exceptions By the keys of what was given. */
    public function __construct(string $message, private readonly array $exceptions = [])
    {
        parent::__construct($message, 0, array_values($exceptions)[0] ?? null);
    }

    /** @return array<\Throwable> */
    public function getExceptions(): array
    {
        return $this->exceptions;
    }
}

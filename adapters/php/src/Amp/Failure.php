<?php

declare(strict_types=1);

namespace Amp;

/** A promise that has failed. */
final class Failure implements Promise
{
    public function __construct(private readonly \Throwable $error)
    {
    }

    public function when(callable $onResolve)
    {
        $onResolve($this->error, null);
        return $this;
    }
}

<?php

declare(strict_types=1);

namespace Amp;

/** A promise that has its value. */
final class Success implements Promise
{
    public function __construct(private readonly mixed $value = null)
    {
    }

    public function when(callable $onResolve)
    {
        $onResolve(null, $this->value);
        return $this;
    }
}

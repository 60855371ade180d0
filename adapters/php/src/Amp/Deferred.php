<?php

declare(strict_types=1);

namespace Amp;

/** Who has promised something keeps one of these, and gives its promise away. */
final class Deferred
{
    private readonly Promise $promise;

    /** @var \Closure(?\Throwable, mixed): void */
    private readonly \Closure $resolve;

    public function __construct()
    {
        $this->promise = new class () implements Promise {
            private ?array $outcome = null;
            private array $waiting = [];

            public function when(callable $onResolve)
            {
                if ($this->outcome === null) {
                    $this->waiting[] = $onResolve;
                } else {
                    $onResolve(...$this->outcome);
                }
                return $this;
            }

            public function resolver(): \Closure
            {
                return function (?\Throwable $error, mixed $value): void {
                    if ($this->outcome !== null) {
                        throw new \LogicException('This promise has been kept or broken already.');
                    }
                    $this->outcome = [$error, $value];
                    [$waiting, $this->waiting] = [$this->waiting, []];
                    foreach ($waiting as $onResolve) {
                        $onResolve($error, $value);
                    }
                };
            }
        };
        $this->resolve = $this->promise->resolver();
    }

    public function promise(): Promise
    {
        return $this->promise;
    }

    public function succeed(mixed $value = null): void
    {
        ($this->resolve)(null, $value);
    }

    public function fail(\Throwable $error): void
    {
        ($this->resolve)($error, null);
    }
}

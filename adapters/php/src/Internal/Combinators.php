<?php

declare(strict_types=1);

namespace Aerys\Internal;

use Aerys\CombinatorException;

/** Several promises, generators or values as one. */
final class Combinators
{
    public function __construct(private readonly Scheduler $scheduler)
    {
    }

    /**
     * Tells once what came of them: of `all` the values, or the first error; of `any` and `some` the errors and the
     * values, by the keys of what was given.
     *
     * @param \Closure(?\Throwable, ?array): void $onEnd
     */
    public function combine(string $how, mixed $given, Context $context, \Closure $onEnd): void
    {
        if (!is_array($given)) {
            throw new \DomainException("'$how' takes an array of promises and generators.");
        }
        if ($given === []) {
            $how === 'some'
                ? $onEnd(new CombinatorException("'some' of nothing cannot succeed."), null)
                : $onEnd(null, $how === 'all' ? [] : [[], []]);
            return;
        }
        $errors = $values = [];
        $left = count($given);
        $hasEnded = false;
        foreach ($given as $key => $thing) {
            $one = function ($error, $value) use ($how, $key, $given, $onEnd, &$errors, &$values, &$left, &$hasEnded) {
                if ($error === null) {
                    $values[$key] = $value;
                } else {
                    $errors[$key] = $error;
                }
                $left--;
                if ($hasEnded || ($left > 0 && ($how !== 'all' || $error === null))) {
                    return;
                }
                $hasEnded = true;
                // In the order in which they were given.
                $errors = array_replace(array_intersect_key($given, $errors), $errors);
                $values = array_replace(array_intersect_key($given, $values), $values);
                self::tell($how, $errors, $values, $onEnd);
            };
            $this->scheduler->observe($thing, $context, $one);
        }
    }

    private static function tell(string $how, array $errors, array $values, \Closure $onEnd): void
    {
        if ($how === 'all') {
            $error = reset($errors);
            $error === false ? $onEnd(null, $values) : $onEnd($error, null);
        } elseif ($how === 'some' && $values === []) {
            $onEnd(new CombinatorException("All that 'some' was given have failed.", $errors), null);
        } else {
            $onEnd(null, [$errors, $values]);
        }
    }
}

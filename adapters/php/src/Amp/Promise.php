<?php

declare(strict_types=1);

namespace Amp;

/** What has a value, or an error, sooner or later. */
interface Promise
{
    /** Calls back with an error or null, and the value: at once if it is there already. */
    public function when(callable $onResolve);
}

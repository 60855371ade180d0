<?php

/**
 * Serves what a configuration script describes with `Aerys\Host`: `aerys -c site.php` starts this program with it.
 */

declare(strict_types=1);

require_once __DIR__ . '/aerys.php';

if ($argc !== 2) {
    fwrite(STDERR, "A configuration script is served by: aerys -c site.php\n");
    exit(2);
}
Aerys\Internal\Launch::hosts($argv[1]);

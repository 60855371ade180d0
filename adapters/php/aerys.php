<?php

/**
 * What an application requires: the classes, and `Aerys\run`.
 *
 *     require '…/adapters/php/aerys.php';
 *     Aerys\run(new Chat);
 */

declare(strict_types=1);

namespace Aerys;

use Aerys\Internal\Launch;

require_once __DIR__ . '/autoload.php';

/**
 * Serves clients for as long as the server wants it, and ends the program then.
 *
 * @param Websocket|string|array $application One for all endpoints that the program was started for, as an object
 *                                            or the name of a class; or one for each path: `['/chat' => new Chat]`.
 */
function run(Websocket|string|array $application): never
{
    Launch::applications($application);
}

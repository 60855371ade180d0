<?php

/**
 * Finds the classes of `Aerys`, and those of `Amp` that it brings along.
 *
 * It is asked last, so that an Amp that the application has of its own is the one that is used.
 */

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    static $promises = ['Promise', 'Success', 'Failure', 'Deferred'];
    if (str_starts_with($class, 'Aerys\\')) {
        $file = __DIR__ . '/src/' . strtr(substr($class, 6), '\\', '/') . '.php';
        if (is_file($file)) {
            require $file;
        }
    } elseif (str_starts_with($class, 'Amp\\') && in_array(substr($class, 4), $promises, true)) {
        require __DIR__ . "/src/Amp/" . substr($class, 4) . '.php';
    } elseif (in_array($class, $promises, true)) {
        // The original's manual writes `new Success` in a file of no namespace.
        class_alias("Amp\\$class", $class);
    }
});

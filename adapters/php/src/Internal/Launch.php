<?php

declare(strict_types=1);

namespace Aerys\Internal;

use Aerys\Host;
use Aerys\Websocket;

/** Begins what a program or a configuration script has described. */
final class Launch
{
    /** Set for a program that the server has started. */
    private const VARIABLE = 'AERYS_PROTOCOL';

    /** Serves applications on the endpoints that the server has for this program. */
    public static function applications(Websocket|string|array $applications): never
    {
        $script = basename($_SERVER['argv'][0] ?? 'chat.php');
        self::check("$script is an application of aerys, which starts it by itself: aerys run php $script");
        $made = is_array($applications)
            ? array_map(self::make(...), $applications)
            : self::make($applications);
        self::serve(null, static function (array $endpoints) use ($made): array {
            $mounted = [];
            foreach ($endpoints as ['endpoint' => $number, 'path' => $path]) {
                $mounted[$number] = is_array($made)
                    ? $made[$path] ?? self::fail("There is no application for $path in this program; it has some for "
                        . implode(', ', array_keys($made)) . '.')
                    : $made;
            }
            return $mounted;
        });
    }

    /** Tells the server what a configuration script has described, and serves that. */
    public static function hosts(string $script): never
    {
        self::check("A configuration script is served by: aerys -c $script");
        if (!is_file($script)) {
            self::fail("There is no configuration script $script.");
        }
        (static function () use ($script): void {
            require $script;
        })();
        if (Host::all() === []) {
            self::fail("$script describes nothing to serve: it makes no Aerys\\Host.");
        }
        $folder = dirname(realpath($script));
        $applications = [];
        $hosts = [];
        foreach (Host::all() as $host) {
            $hosts[] = $host->configuration($folder, $applications);
        }
        $made = array_map(self::make(...), $applications);
        self::serve(['hosts' => $hosts], static fn (): array => $made);
    }

    private static function serve(?array $config, \Closure $mount): never
    {
        $stream = Stream::ofStandardInput() ?? self::fail('Standard input is not the stream to the server.');
        // What this program starts has not been started by the server.
        putenv(self::VARIABLE);
        (new Process($stream, $mount))->run($config);
        exit(0);
    }

    /** An application, which may be named by its class. */
    private static function make(mixed $application): Websocket
    {
        if (is_string($application)) {
            if (!class_exists($application)) {
                self::fail("There is no class $application: the script has to declare it, or to require its file.");
            }
            try {
                $application = new $application();
            } catch (\ArgumentCountError) {
                self::fail("The class $application is made with arguments: give an object instead of its name.");
            }
        }
        return $application instanceof Websocket
            ? $application
            : self::fail('The class ' . get_debug_type($application) . ' does not implement Aerys\Websocket.');
    }

    private static function check(string $sentence): void
    {
        if (getenv(self::VARIABLE) === false) {
            self::fail($sentence);
        }
    }

    /** Ends the program with a sentence. */
    public static function fail(string $sentence): never
    {
        fwrite(STDERR, "$sentence\n");
        exit(2);
    }
}

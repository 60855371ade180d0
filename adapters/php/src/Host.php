<?php

declare(strict_types=1);

namespace Aerys;

use Aerys\Websocket\Endpoint;

/** A host of a configuration script: its name, where it is served, and what is there. */
final class Host
{
    /** @var list<self> All that the script has made, in that order. */
    private static array $all = [];

    private ?string $name = null;
    private int $port = 80;
    private string $address = '*';

    /** @var list<string> */
    private array $roots = [];

    /** @var array<string, array{Websocket|string, array}> An application and its options, by path. */
    private array $websockets = [];

    public function __construct()
    {
        self::$all[] = $this;
    }

    /** Which host it is. One that is not named is whichever is asked for. */
    public function setName(string $name): static
    {
        $this->name = $name;
        return $this;
    }

    /** The port, which is 80 unless it is set. */
    public function setPort(int $port): static
    {
        if ($port < 0 || $port > 65535) {
            throw new \DomainException("A port is a number from 1 to 65535, or 0 for any that is free, and not $port.");
        }
        $this->port = $port;
        return $this;
    }

    /** An IP address to listen at; `*`, all there are, unless it is set. */
    public function setAddress(string $address): static
    {
        $this->address = $address;
        return $this;
    }

    /**
     * Mounts an application.
     *
     * @param string           $uri         The path, such as `/chat` or `/rooms/{room}`.
     * @param Websocket|string $application An object, or the name of a class that is made when the script has ended.
     * @param array            $options     By the names in `Aerys\Websocket\Endpoint`, or those of the configuration file.
     */
    public function addWebsocket(string $uri, $application, array $options = []): static
    {
        if (!is_string($application) && !$application instanceof Websocket) {
            $what = get_debug_type($application);
            throw new \DomainException("A websocket is an object of a class that implements Aerys\\Websocket, or the "
                . "name of one. For $uri it is $what.");
        }
        if (isset($this->websockets[$uri])) {
            throw new \DomainException("There is a websocket at $uri already.");
        }
        $this->websockets[$uri] = [$application, $options];
        return $this;
    }

    /** Serves the files in a folder, for whatever is no websocket. */
    public function addRoot(string $folder): static
    {
        $this->roots[] = $folder;
        return $this;
    }

    /** @return list<self> */
    public static function all(): array
    {
        return self::$all;
    }

    /**
     * What the server has to know of it.
     *
     * @param string                        $folder       That of the script, from which its roots are.
     * @param array<int, Websocket|string>  $applications To which its own are added, by number.
     */
    public function configuration(string $folder, array &$applications): array
    {
        $websockets = [];
        foreach ($this->websockets as $path => [$application, $options]) {
            $number = count($applications) + 1;
            $applications[$number] = $application;
            $options = (object) Endpoint::configuration($options);
            $websockets[] = ['endpoint' => $number, 'path' => (string) $path, 'options' => $options];
        }
        $absolute = static fn (string $root): string => str_starts_with($root, '/') ? $root : "$folder/$root";
        return [
            'name' => $this->name,
            'port' => $this->port,
            'address' => $this->address,
            'roots' => array_map($absolute, $this->roots),
            'websockets' => $websockets,
        ];
    }
}

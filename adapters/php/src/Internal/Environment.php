<?php

declare(strict_types=1);

namespace Aerys\Internal;

/** A request as applications read it: by the names of CGI (RFC 3875 §4.1). */
final class Environment
{
    public static function of(array $request, string $path): array
    {
        $environment = [
            'REQUEST_METHOD' => $request['method'] ?? 'GET',
            'REQUEST_URI' => $request['uri'] ?? '/',
            'REQUEST_URI_PATH' => $request['path'] ?? '/',
            'REQUEST_URI_SCHEME' => $request['scheme'] ?? 'http',
            'QUERY_STRING' => $request['query'] ?? '',
            'SERVER_PROTOCOL' => $request['version'] ?? '1.1',
            'SERVER_NAME' => $request['host'] ?? '',
            'SERVER_ADDR' => $request['server_addr'] ?? null,
            'SERVER_PORT' => $request['server_port'] ?? null,
            // Behind a proxy that is trusted, whom that names.
            'REMOTE_ADDR' => $request['client_ip'] ?? $request['remote_addr'] ?? null,
            'REMOTE_PORT' => $request['remote_port'] ?? null,
            'PEER_ADDR' => $request['remote_addr'] ?? null,
            // As it was mounted, such as `/rooms/{room}`, and what stood for `{room}`.
            'ENDPOINT_PATH' => $path,
            'PATH_PARAMS' => $request['param'] ?? [],
        ];
        if ($environment['REQUEST_URI_SCHEME'] === 'https') {
            $environment['HTTPS'] = 'on';
        }
        foreach ($request['headers'] ?? [] as [$name, $value]) {
            $key = 'HTTP_' . strtoupper(strtr($name, '-', '_'));
            $separator = $name === 'cookie' ? '; ' : ', ';
            $environment[$key] = isset($environment[$key]) ? $environment[$key] . $separator . $value : $value;
        }
        return $environment;
    }
}

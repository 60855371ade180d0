#!/usr/bin/env bash
# static.sh: builds the binary for musl as docs/deployment.md says, but without the time that a release takes, and
# looks whether it is static, runs, and lets a client in, in clear text and within TLS.
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-musl
cargo build --locked -p aerys-cli --target $target
binary=${CARGO_TARGET_DIR:-target}/$target/debug/aerys

# A program that needs nothing else has no interpreter, which would be the dynamic linker.
if readelf --program-headers --wide "$binary" | grep INTERP; then
    echo "$binary is not static" >&2
    exit 1
fi
ldd "$binary" 2>&1 | grep -E 'statically linked|not a dynamic executable'
"$binary" --version

server=
lines=$(mktemp)
trap '[ -z "$server" ] || kill "$server"; rm "$lines"' EXIT

# Has a client let in by a server that is started with these flags.
handshake() {
    local url head
    # Emptied before the server has it, which is not to be looked for in the lines of the one before.
    : > "$lines"
    "$binary" --listen 127.0.0.1:0 "$@" >> "$lines" &
    server=$!
    until url=$(grep -o -m 1 'https\?://[^ ]*' "$lines"); do
        kill -0 "$server"
        sleep 0.1
    done
    # Curl has to give up, as it does not know the protocol that follows.
    head=$(curl --silent --insecure --http1.1 --include --max-time 2 --output - \
        --header 'Connection: Upgrade' --header 'Upgrade: websocket' --header 'Sec-WebSocket-Version: 13' \
        --header 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "${url%/}/echo" | head -n 1) || true
    echo "$url: $head"
    grep ' 101 ' <<< "$head" > /dev/null
    kill "$server"
    wait "$server"
    server=
}
handshake
handshake --tls-self-signed

#!/usr/bin/env bash
# autobahn.sh [--full]: the Autobahn suite against the echo example. Every case has to pass. Without
# --full most sizes of 12.* and 13.* are left out, which are about compression and take long. These
# run a second time against a server that keeps its context from message to message. With --full all is
# run within TLS too, and over HTTP/2, through a bridge, as the suite knows HTTP/1.1 alone; and what is run without it
# over a Unix socket: what is left out there is about compression alone.
# The suite and its reports are in Cargo's target folder.
set -euo pipefail
cd "$(dirname "$0")/.."

# 16 octets, 1, 8 and 32 KiB, and 8 KiB in fragments of 256 octets.
some_compressed=({12,13}.'*'.{1,4,6,8,11})
most=({1..7}.'*' {9,10}.'*' "${some_compressed[@]}")
case "$*" in
    '')
        profile=debug build=() # as `cargo test` has built it
        compressed=("${some_compressed[@]}")
        all=("${most[@]}")
        ;;
    --full)
        profile=plain build=(--profile plain) # optimized, and built in a third of a release's time
        compressed=({12,13}.'*')
        all=('*')
        ;;
    *)
        echo "usage: scripts/autobahn.sh [--full]" >&2
        exit 2
        ;;
esac

target=$(cargo metadata --no-deps --locked --format-version 1 |
    sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
cargo build --workspace --example echo --example http2_bridge --locked "${build[@]}"
tests/autobahn/setup.sh "$target/autobahn"
reports=$target/autobahn-reports
mkdir -p "$reports"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# run NAME EXAMPLE ADDRESS CASE...: against a server that listens there, with the arguments in `with`. In a shell of
# its own, so that several can be at once.
run() (
    name=$1 example=$2 address=$3 listening= to=() failed=
    shift 3
    exec > "$reports/$name.log" 2>&1
    echo "Against $example $address${with[*]:+ ${with[*]}}:"
    "$target/$profile/examples/$example" "$address" "${with[@]}" > "$reports/$name.out" &
    server=$!
    trap 'kill "$server" 2> /dev/null || true' EXIT
    until [ "$listening" ]; do
        sleep 0.1
        if ! kill -0 "$server" 2> /dev/null; then
            echo "The example $example ended before it said where it listens."
            exit 1
        fi
        listening=$(sed -n 's,^Listening on ,,p' "$reports/$name.out")
    done
    case "$listening" in
        unix:*) to=(--unix "${listening#unix:}" ws://localhost) ;;
        https:*) to=(--trust "$folder/certificate" "${listening/#https:/wss:}") ;;
        *) to=("${listening/#http:/ws:}") ;;
    esac
    "$target/autobahn/bin/python" tests/autobahn/run.py --out "$reports/$name" "${to[@]}" "$@" || failed=1
    kill "$server" || true
    if ! wait "$server"; then
        echo "The example $example did not end well."
        failed=1
    fi
    [ ! "$failed" ]
)

failed=
# Suites that have been started, two at a time: each is one process on either side, most of the time the suite's.
started=()
finish() {
    local one
    for one in "${started[@]}"; do
        wait "${one#*:}" || failed=1
        cat "$reports/${one%%:*}.log"
    done
    started=()
}
start() {
    run "$@" &
    started+=("$1:$!")
    [ ${#started[@]} -lt 2 ] || finish
}

tcp=127.0.0.1:0
with=()
start plain echo "$tcp" "${all[@]}"
if [ "$*" = --full ]; then
    start http2 http2_bridge "$tcp" "${all[@]}"
    start unix echo "unix:$folder/socket" "${most[@]}"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=aerys \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$folder/key" -out "$folder/certificate" 2> /dev/null
    with=(--tls-cert "$folder/certificate" --tls-key "$folder/key")
    start tls echo "$tcp" "${all[@]}"
fi
with=(--takeover)
start takeover echo "$tcp" "${compressed[@]}"
finish
if [ "$failed" ]; then
    echo "The reports are in $reports." >&2
    exit 1
fi

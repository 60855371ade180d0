#!/usr/bin/env bash
# autobahn.sh [--full]: the Autobahn suite against the echo example. Every case has to pass. Without
# --full most sizes of 12.* and 13.* are left out, which are about compression and take long. These
# run a second time against a server that keeps its context from message to message.
# The suite and its reports are in Cargo's target folder.
set -euo pipefail
cd "$(dirname "$0")/.."

case "$*" in
    '')
        profile=debug build=() # as `cargo test` has built it
        # 16 octets, 1, 8 and 32 KiB, and 8 KiB in fragments of 256 octets.
        compressed=({12,13}.'*'.{1,4,6,8,11})
        all=({1..7}.'*' {9,10}.'*' "${compressed[@]}")
        ;;
    --full)
        profile=release build=(--release)
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
cargo build --workspace --example echo --locked "${build[@]}"
tests/autobahn/setup.sh "$target/autobahn"
reports=$target/autobahn-reports
mkdir -p "$reports"

server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true' EXIT
failed=

# run NAME CASE...: against a server on a free port, with the arguments in `with`.
run() {
    local name=$1 url=
    shift
    echo "Against echo${with[*]:+ ${with[*]}}:"
    "$target/$profile/examples/echo" 127.0.0.1:0 "${with[@]}" > "$reports/$name.out" &
    server=$!
    until [ "$url" ]; do
        sleep 0.1
        if ! kill -0 "$server" 2> /dev/null; then
            echo "The echo example ended before it said where it listens." >&2
            exit 1
        fi
        url=$(sed -n 's,^Listening on http://,ws://,p' "$reports/$name.out")
    done
    "$target/autobahn/bin/python" tests/autobahn/run.py --out "$reports/$name" "$url" "$@" || failed=1
    kill "$server" || true
    if ! wait "$server"; then
        echo "The echo example did not end well." >&2
        failed=1
    fi
    server=
}

with=()
run plain "${all[@]}"
with=(--takeover)
run takeover "${compressed[@]}"
if [ "$failed" ]; then
    echo "The reports are in $reports." >&2
    exit 1
fi

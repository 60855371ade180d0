#!/usr/bin/env bash
# test.sh [--full]: everything that has to hold before a change lands. Installs the browser,
# PHP, Python, Node.js, Prometheus and the proxies it tests with, where it may. With --full the Autobahn suite runs
# to its last case, ten thousand handshakes do not go on, a server is restarted beside 2,000 clients, nodes of a
# cluster are killed, stopped and cut off, and simulated with ten thousand seeds,
# certificates are an authority's, slow peers are as slow as they are, and the promises are kept over Unix
# sockets and within TLS, without the default features, and with the system calls of other systems, too; and the
# crates are packaged, and the binary installed.
set -euo pipefail
cd "$(dirname "$0")/.."

case "$*" in
    '' | --full) ;;
    *)
        echo "usage: scripts/test.sh [--full]" >&2
        exit 2
        ;;
esac

# Says what comes, and how many seconds after the beginning.
step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# What `ahead` has begun, by name: the numbers of process groups.
declare -A begun=()
logs=$(mktemp -d)
trap 'kill -- "${begun[@]/#/-}" 2> /dev/null || true; rm -rf "$logs"' EXIT

# ahead NAME COMMAND...: has it done meanwhile, with what the tests leave of the processors: they wait a lot.
ahead() {
    local name=$1
    shift
    # With job control it has a group of its own, by which all of it can be ended.
    set -m
    # A function has no file that `nice` could run.
    (renice -n 19 -p "$BASHPID" > /dev/null; "$@") < /dev/null > "$logs/$name" 2>&1 &
    begun[$name]=$!
    set +m
}

# done_ahead NAME: waits until it is done, and says what it said.
done_ahead() {
    local outcome=0
    wait "${begun[$1]}" || outcome=$?
    unset "begun[$1]"
    cat "$logs/$1"
    return $outcome
}

step 'what it is tested with'
missing=()
# Servers are installed where only the superuser looks.
has() { PATH="$PATH:/usr/sbin" command -v "$1" > /dev/null; }
has chromium && has chromedriver || missing+=(chromium chromium-driver)
has python3 || missing+=(python3)
python3 -c 'import ensurepip, venv' 2> /dev/null || missing+=(python3-venv)
has node || missing+=(nodejs)
has npm || missing+=(npm)
has php || missing+=(php-cli)
has curl || missing+=(curl)
has openssl || missing+=(openssl)
has nginx || missing+=(nginx-light)
has haproxy || missing+=(haproxy)
has promtool || missing+=(prometheus)
has systemd-analyze && has systemd-socket-activate || missing+=(systemd)
has groff || missing+=(groff-base)
if [ "$*" = --full ]; then
    has certbot || missing+=(certbot)
    has pebble || missing+=(pebble)
fi
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && has apt-get; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" > /dev/null
    else
        echo "The tests need other clients, and proxies: apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi
chromedriver --version

step format
cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check

step 'rooms, names and links'
scripts/rooms.py
scripts/names.py
scripts/links.py

step clippy
cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
# As who asks for no feature has it: with the default ones, with none, and in a full run with each alone.
cargo clippy -p aerys -p aerys-apps --locked -- -D warnings
alone() {
    for features in "$@"; do
        cargo clippy -p aerys -p aerys-proto --no-default-features --features "$features" \
            --all-targets --locked -- -D warnings
    done
}
alone ''

step tests
cargo test --workspace --all-features --locked --no-run
# What has a target folder, or a profile, of its own.
build_others() {
    RUSTFLAGS='--cfg aerys_portable -D warnings' \
        cargo test -p aerys --lib --test promises --target-dir target/portable --locked --no-run
    cargo test -p aerys --lib --test promises --no-default-features --target-dir target/bare --locked --no-run
    cargo test --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --locked --no-run
    cargo build --workspace --example echo --example http2_bridge --locked --profile plain
    CARGO_TARGET_DIR=target/bare alone admin compression config files http2
}
# Each as it would be published, built by itself with those that it depends on.
package() {
    # Of the same versions Cargo would take what was unpacked and built before.
    rm -rf "${CARGO_HOME:-$HOME/.cargo}"/registry/src/-*/aerys* target/packages
    cargo package --workspace --exclude aerys-bench --locked --allow-dirty --target-dir target/packages
    # What the README begins with: there is one binary to run.
    cargo run --quiet --locked --target-dir target/packages -- --help > /dev/null
    # What `cargo install` gives, but for the time that link-time optimization takes.
    cargo install --path crates/cli --target-dir target/packages --locked --debug --no-track --force --root target/installed
    target/installed/bin/aerys --version
}
static_binary() {
    if has musl-gcc && [ -d "$(rustc --print target-libdir --target x86_64-unknown-linux-musl)" ]; then
        CARGO_TARGET_DIR=target/static scripts/static.sh
    else
        echo "SKIPPED: the target x86_64-unknown-linux-musl or musl-gcc is not installed, and no static binary was tried"
    fi
}
# One after the other, so that they leave the tests their turn.
build_packages() {
    package
    static_binary
}
if [ "$*" = --full ]; then
    ahead others build_others
    ahead packages build_packages
fi
cargo test --workspace --all-features --locked

# Slow peers hardly do anything, for minutes. They are built: who builds keeps all others from it.
slow_peers() {
    cargo test --workspace --all-features --test slow_peers --locked -- --ignored --test-threads 32
}
if [ "$*" = --full ]; then
    ahead slow-peers slow_peers
fi

step 'applications in other languages'
AERYS_BINARY=${CARGO_TARGET_DIR:-$PWD/target}/debug/aerys adapters/tests/run.py

# They wait more than they work.
promises=(cargo test --workspace --all-features --locked --test promises -- --test-threads 4)
step 'the promises in memory'
AERYS_PROMISES_OVER=memory "${promises[@]}" --skip over_tcp:: --skip over_sockets::

if [ "$*" != --full ]; then
    step 'the binary'
    # What the README begins with: there is one binary to run.
    cargo run --quiet --locked -- --help > /dev/null
fi

if [ "$*" = --full ]; then
    step 'the promises over Unix sockets'
    AERYS_PROMISES_OVER=unix "${promises[@]}" --skip over_tcp::

    step 'the promises within TLS'
    AERYS_PROMISES_OVER=tls "${promises[@]}" --skip over_tcp:: --skip in_clear_text::

    step 'handshakes that do not go on'
    cargo test --workspace --all-features --test tls --locked -- --ignored --nocapture ten_thousand

    step 'a restart'
    cargo test --workspace --all-features --test config --locked -- --ignored

    step 'a cluster with ten thousand seeds'
    cargo test --workspace --all-features --lib --locked -- --ignored ten_thousand_seeds

    step 'a bus that stands still'
    cargo test -p aerys-nats --test nats --locked -- --ignored

    step 'a cluster while something goes wrong'
    cargo test --workspace --all-features --test cluster --locked -- --ignored

    step 'what a scrape costs'
    cargo test --workspace --all-features --test metrics --locked -- --ignored --nocapture ten_thousand

    step 'an authority'
    cargo test --workspace --all-features --test acme --locked -- --ignored

    step 'slow peers'
    done_ahead slow-peers

    step 'packages, the binary, and a static one'
    done_ahead packages

    step 'each feature alone, and what has a target folder of its own'
    done_ahead others

    step 'without default features'
    cargo test -p aerys --lib --test promises --no-default-features --target-dir target/bare --locked

    step 'the system calls of other systems'
    RUSTFLAGS='--cfg aerys_portable -D warnings' \
        cargo test -p aerys --lib --test promises --target-dir target/portable --locked
fi

step 'what the fuzzers have kept'
cargo test --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --locked

step autobahn
scripts/autobahn.sh "$@"

step documentation
RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps --locked

step licences
if command -v cargo-deny > /dev/null; then
    cargo deny check bans licenses sources
else
    echo "cargo-deny is not installed; deny.toml was not checked"
fi

step 'done'

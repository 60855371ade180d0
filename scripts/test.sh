#!/usr/bin/env bash
# test.sh [--full]: everything that has to hold before a change lands. Installs the browser and the
# Python it tests with, where it may. With --full the Autobahn suite runs to its last case.
set -euo pipefail
cd "$(dirname "$0")/.."

case "$*" in
    '' | --full) ;;
    *)
        echo "usage: scripts/test.sh [--full]" >&2
        exit 2
        ;;
esac

step() { printf '\n== %s\n' "$*"; }

step browser
if ! command -v chromium > /dev/null || ! command -v chromedriver > /dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver > /dev/null
    else
        echo "The browser test needs Chromium: apt-get install chromium chromium-driver" >&2
        exit 1
    fi
fi
chromedriver --version

step format
cargo fmt --all --check

step clippy
cargo clippy --workspace --all-targets --locked -- -D warnings

step tests
cargo test --workspace --locked

step autobahn
scripts/autobahn.sh "$@"

step documentation
RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

step licences
if command -v cargo-deny > /dev/null; then
    cargo deny check bans licenses sources
else
    echo "cargo-deny is not installed; deny.toml was not checked"
fi

step 'done'

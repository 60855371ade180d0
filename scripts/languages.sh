#!/usr/bin/env bash
# Measures applications in other languages beside servers that those languages have, and writes bench/LANGUAGES.md.
#
#   scripts/languages.sh                  beside Python's websockets and npm's ws, which it installs
#   scripts/languages.sh --rounds 3       what `bench languages --help` says
#   scripts/languages.sh --peer php:ratchet='php server.php'
#
# A peer listens on 127.0.0.1 at the port in the environment's PORT, and sends each message back as the kind it was.
# The machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
peers=$target/languages
mkdir -p "$peers"
[ -x "$peers/venv/bin/python3" ] || python3 -m venv "$peers/venv"
"$peers/venv/bin/pip" install --quiet --disable-pip-version-check 'websockets==17.4'
npm install --silent --no-fund --no-audit --prefix "$peers" 'ws@8.23.0'
cargo build --release --locked -p aerys-bench -p aerys-cli
exec "$target/release/bench" languages --aerys "$target/release/aerys" \
    --peer "python:websockets='$peers/venv/bin/python3' adapters/tests/peers/websockets_echo.py" \
    --peer "node:ws=env NODE_PATH='$peers/node_modules' node adapters/tests/peers/ws_echo.cjs" "$@"

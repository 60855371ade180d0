#!/usr/bin/env bash
# Measures aerys beside its peers and writes bench/RESULTS.md, bench/results.json and plots.
#
#   scripts/bench.sh                      all of it, about an hour
#   scripts/bench.sh quick                every figure to reach, in less than four minutes
#   scripts/bench.sh --plain quick        also aerys as it is built without link-time optimization
#   scripts/bench.sh --only hog,echo-64   what `bench run --help` says
#   scripts/bench.sh --peer uws='./uws --port $PORT'
#
# Instructions are counted where valgrind is installed. The machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

plain=()
if [ "${1:-}" = --plain ]; then
    shift
    cargo build --profile plain --locked -p aerys-bench
    plain=(--plain "$target/plain/bench")
fi
if [ "${1:-}" = quick ]; then
    shift
    set -- --quick "$@"
fi
command -v valgrind > /dev/null || echo "without valgrind no instructions are counted" >&2
cargo build --release --locked -p aerys-bench
exec "$target/release/bench" run "${plain[@]}" "$@"

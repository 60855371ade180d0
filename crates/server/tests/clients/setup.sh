#!/usr/bin/env bash
# Installs what the client programs need: setup.sh [DEST [python|node]...]
#
# Under DEST (`target/clients` unless told) there are then `python`, a venv with `websockets`, and
# `node`, with `ws`, both of the versions pinned beside this script. What is there already stays.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dest=${1:-$here/../../../../target/clients}
shift $(($# > 0))
[ $# -gt 0 ] || set -- python node

fail() {
    echo "$*" >&2
    exit 1
}

needs() {
    command -v "$1" > /dev/null || fail "The tests with other clients need $1: apt-get install $2"
}

version_python() { python3 -c 'import sys; print(sys.executable, sys.version)'; }

install_python() {
    python3 -m venv "$dest/python" \
        && "$dest/python/bin/python" -m pip install --quiet --disable-pip-version-check \
            --requirement "$here/python/requirements.txt"
}

version_node() { node --version; }

install_node() {
    mkdir "$dest/node" \
        && cp "$here"/node/{package.json,package-lock.json,.npmrc} "$dest/node" \
        && (cd "$dest/node" && npm ci --loglevel=error --no-audit --no-fund --ignore-scripts)
}

mkdir -p "$dest"
dest=$(cd "$dest" && pwd)
for what; do
    case $what in
        python)
            needs python3 python3
            python3 -c 'import ensurepip, venv' 2> /dev/null \
                || fail "The tests with other clients need Python's venv: apt-get install python3-venv"
            ;;
        node)
            needs node nodejs
            needs npm npm
            ;;
        *) fail "There is no $what to be installed" ;;
    esac
    # One at a time, however many processes want it. Whoever ends lets go of the lock.
    exec 9> "$dest/$what.lock"
    if command -v flock > /dev/null; then flock 9; fi
    stamp=$(echo "$dest" && "version_$what" && cat "$here/setup.sh" "$here/$what"/*.{txt,json} \
        2> /dev/null || true)
    if [ "$(cat "$dest/$what.stamp" 2> /dev/null)" != "$stamp" ]; then
        rm -rf "${dest:?}/$what" "$dest/$what.stamp"
        "install_$what" || fail "Could not install $what's client under $dest"
        printf '%s\n' "$stamp" > "$dest/$what.stamp"
    fi
    exec 9>&-
done

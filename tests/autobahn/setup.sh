#!/usr/bin/env bash
# setup.sh DEST: installs the Autobahn WebSocket TestSuite 25.10.1 (Python 2 code) in DEST for
# Python 3.11 to 3.13, from PyPI's packages alone. DEST becomes a virtual environment: what this
# script has made of it before is kept if the script has not changed since, and else replaced.
# PYTHON may name the interpreter.
set -euo pipefail
trap 'echo "setup.sh: failed at line $LINENO" >&2' ERR
here=$(dirname "$(realpath "$0")")
dest=$(realpath -m "${1:?usage: setup.sh DEST}")

stamp=$(cat "$here/setup.sh" "$here/convert.py" | sha256sum)
if "$dest/bin/python" -c '' 2> /dev/null && [ "$(cat "$dest/stamp" 2> /dev/null)" = "$stamp" ]; then
    exit
fi
if [ -e "$dest" ] && [ ! -e "$dest/pyvenv.cfg" ] && [ -n "$(ls -A "$dest")" ]; then
    echo "setup.sh: $dest is there already and is no virtual environment" >&2
    exit 2
fi

find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        "$python" -c 'import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2> /dev/null && return
    done
    return 1
}
if ! find_python; then
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv > /dev/null
    fi
    if ! find_python; then
        echo "The Autobahn suite needs Python 3.11, 3.12 or 3.13 with venv: apt-get install python3-venv" >&2
        exit 2
    fi
fi

echo "Installing the Autobahn suite in $dest"
"$python" -m venv --clear "$dest"
export PIP_DISABLE_PIP_VERSION_CHECK=1

# What the suite runs on, and what makes it of the sdists (setuptools serves both).
"$dest/bin/pip" install -q setuptools==75.8.0 wheel==0.45.1 fissix==24.4.24 \
    Twisted==26.10.0 zope.interface==8.7 attrs==26.1.0 Automat==25.4.16 constantly==23.10.4 \
    hyperlink==21.0.0 idna==3.20 Incremental==24.11.0 packaging==26.3 \
    typing_extensions==4.16.0 pyOpenSSL==26.4.0 service-identity==26.1.0 cryptography==50.0.2 \
    cffi==2.1.1 pycparser==3.12 txaio==26.6.1 six==1.17.0 wsaccel==0.6.7

# The suite itself, and the Autobahn|Python that it is pinned to, as source.
cat > "$dest/sdists.txt" <<'REQUIREMENTS'
autobahntestsuite==25.10.1 --hash=sha256:b083d6e15330fc16f3e5f0975cce2b15f21bfa0c6db09547316b1852c6dbd6df
autobahn==0.10.9 --hash=sha256:3fecc1e2a26a0421128ddcfb4e577f0bc669dd65d0e0fdad1c773965cbcef75a
REQUIREMENTS
"$dest/bin/pip" download -q --no-deps --no-binary :all: --no-build-isolation \
    -d "$dest/src" -r "$dest/sdists.txt"
for sdist in "$dest"/src/*.tar.gz; do
    tar -xzf "$sdist" -C "$dest/src" --no-same-owner
done
lib=$("$dest/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp -r "$dest/src/autobahn-0.10.9/autobahn" "$dest/src/autobahntestsuite-25.10.1/autobahntestsuite" "$lib"
rm -rf "$dest/src"
rm -rf "$lib"/autobahn/{asyncio,*/test} \
    "$lib"/autobahntestsuite/{wamp*,wsperf*,testdb.py,testrun.py,serializer.py,rinterfaces.py}

# For Python 3: the syntax by fissix, which is lib2to3 (print, except, has_key, relative imports),
# and the rest by convert.py.
"$dest/bin/python" -m fissix -w -n --no-diffs "$lib/autobahntestsuite" > "$dest/fissix.log" 2>&1
"$dest/bin/python" "$here/convert.py" "$lib"
"$dest/bin/python" -W ignore -m compileall -q "$lib/autobahn" "$lib/autobahntestsuite"
"$dest/bin/python" -c 'from autobahntestsuite.wstest import run; run()' -a
echo "$stamp" > "$dest/stamp"

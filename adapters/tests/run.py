#!/usr/bin/env python3
"""run.py [NAME...]: the tests in each file here, or in those that are named, several files at a time: they wait more than
they work. It says what each has said, and how long it took.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

# The longest come first.
FIRST = ["test_python", "test_binary", "test_browser", "test_node"]

AT_ONCE = 2 * (os.cpu_count() or 1)


def run(name):
    start = time.monotonic()
    tests = subprocess.run(
        [sys.executable, "-m", "unittest", name], cwd=FOLDER, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return name, tests.returncode, tests.stderr, time.monotonic() - start


def main():
    names = sys.argv[1:] or sorted(file.stem for file in FOLDER.glob("test_*.py"))
    names.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, code, said, seconds in pool.map(run, names):
            print(f"{name} ({seconds:.0f} s)\n{said}", flush=True)
            if code:
                failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

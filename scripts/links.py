#!/usr/bin/env python3
"""Looks whether what the documents point to is there: the target and the heading of each link between
them, each path that ARCHITECTURE.md and CONTRIBUTING.md name, and the headings of bench/NOTES.md that
the code names.
"""

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent

# Where a path in a document may begin.
ROOMS = ["", "crates", "crates/server", "crates/server/src"]
SHORT = {"proto": "crates/proto/src"}

# Written by tests and builds.
MADE = {"target/clients"}

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:rs|py|sh|md))`")
NOTE = re.compile(r"bench/(NOTES\.md#[\w-]+)")


def anchors(file):
    """As GitHub makes them of headings."""
    text = BLOCK.sub("", file.read_text())
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


def is_target(link, folder):
    path, _, anchor = link.partition("#")
    target = folder / path
    return target.exists() and (not anchor or anchor in anchors(target))


def is_path(name, files):
    first, _, rest = name.partition("/")
    if first in SHORT and rest:
        name = f"{SHORT[first]}/{rest}"
    if name.rstrip("/") in MADE:
        return True
    if "/" not in name:
        # The name of a file alone, beside one that has been named with its path.
        return any(PurePosixPath(file).name == name for file in files)
    return any((ROOT / room / name).exists() for room in ROOMS)


def main():
    files = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    ).splitlines()
    faults = []
    for file in (file for file in files if file.endswith(".md")):
        text = BLOCK.sub("", (ROOT / file).read_text())
        for link in LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            path = f"{PurePosixPath(file).name}{link}" if link.startswith("#") else link
            if not is_target(path, (ROOT / file).parent):
                faults.append(f"{file}: {link} leads nowhere")
        if file in ("ARCHITECTURE.md", "CONTRIBUTING.md"):
            for name in NAMED.findall(text):
                if not is_path(name, files):
                    faults.append(f"{file}: there is no {name}")
    for file in (file for file in files if file.endswith(".rs")):
        for note in NOTE.findall((ROOT / file).read_text()):
            if not is_target(note, ROOT / "bench"):
                faults.append(f"{file}: bench/{note} leads nowhere")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


sys.exit(main())

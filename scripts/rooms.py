#!/usr/bin/env python3
"""Holds crates/server/src to its rooms: a room uses those below it.

Imports name the room that something is in; nothing is imported by way of the crate's root. Documentation
and tests may name anything.
"""

import re
import sys
from pathlib import Path

# From the lowest to the highest; those in one line do not know each other.
FLOORS = [
    ["address", "sync"],
    ["log"],
    ["options", "admission"],
    ["metrics"],
    ["error"],
    ["transport"],
    ["runtime"],
    ["connection"],
    ["cluster"],
    ["presence"],
    ["roster"],
    ["app"],
    ["session"],
    ["driver"],
    ["http_server"],
    ["admin"],
    ["server"],
    ["test"],
    ["config"],
]
FOLDERS = {"http": "http_server"}

SOURCE = Path(__file__).resolve().parent.parent / "crates/server/src"
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
COMMENT = re.compile(r"//[^\n]*")
UNIT_TESTS = re.compile(r"#\[cfg\([^\n]*\btest\b[^\n]*\nmod tests \{.*", re.DOTALL)
PATH = re.compile(r"\bcrate::(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\w+)")


def names(tree):
    """The first name of each path in a use tree."""
    if not tree.startswith("{"):
        return [tree]
    depth, name, found = 0, "", []
    for character in tree[1:-1] + ",":
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append(re.match(r"\s*(\w*)", name).group(1))
            name = ""
        else:
            name += character
    return [name for name in found if name]


def main():
    faults = []
    for file in sorted(SOURCE.rglob("*.rs")):
        place = file.relative_to(SOURCE)
        if len(place.parts) == 1:
            if place.name != "lib.rs":
                faults.append(f"{place} is in no room")
            continue
        room = FOLDERS.get(place.parts[0], place.parts[0])
        if room not in FLOOR:
            faults.append(f"{place} is in a room that {Path(__file__).name} does not know")
            continue
        code = UNIT_TESTS.sub("", COMMENT.sub("", file.read_text()))
        for tree in PATH.findall(code):
            for name in names(tree):
                if name not in FLOOR:
                    faults.append(f"{place} names {name} by way of the root")
                elif name != room and FLOOR[name] >= FLOOR[room]:
                    faults.append(f"{place} is in {room}, which is not above {name}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


sys.exit(main())

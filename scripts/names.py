#!/usr/bin/env python3
"""Looks for items that are named by words which only this project would understand, and for constants
of one crate that share a name.

Items are modules, types, traits, functions, constants and fields; words are what an item's name is made of.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

CRATES = Path(__file__).resolve().parent.parent / "crates"

# Each with the field's word for it.
WORDS = {
    "desk": "mailbox",
    "tray": "fast path",
    "inbox": "inbound",
    "gist": "snapshot",
    "ear": "read gate",
    "news": "wake reason",
    "errand": "pending output",
    "parcel": "message",
    "fate": "status",
    "settle": "flush, complete, validate",
    "verdict": "state",
    "stay": "guard",
    "farewell": "on_close",
    "caller": "request",
    "grounds": "routes",
    "patient": "timeout",
    "patience": "deadline",
    "express": "fast handshake",
    "visit": "task",
    "greet": "serve",
    "reception": "context",
    "hearing": "read allowance",
    "deaf": "paused",
    "swamped": "over limit",
    "stirred": "output pending",
    "laborious": "budget spent",
    "tallying": "count",
    "lent": "borrowed",
    "intake": "accept queue",
    "registry": "roster",
    "steadily": "supervise",
}

# What other crates call theirs.
ALLOWED = {"track_caller", "visit_str"}

ITEM = re.compile(
    r"^\s*(?:pub(?:\([^)]*\))? )?(?:(?:async |const )?fn|struct|enum|trait|type|mod|static|const) (\w+)"
    r"|^    (?:pub(?:\([^)]*\))? )?(\w+): [^:]",
    re.MULTILINE,
)
CONSTANT = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?(?:const|static) ([A-Z]\w+):", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*")
UNIT_TESTS = re.compile(r"#\[cfg\([^\n]*\btest\b[^\n]*\nmod tests \{.*", re.DOTALL)


def words(name):
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def main():
    faults = []
    for crate in ["proto", "server", "sys", "apps", "cli"]:
        constants = defaultdict(list)
        for file in sorted((CRATES / crate / "src").rglob("*.rs")):
            place = file.relative_to(CRATES)
            code = UNIT_TESTS.sub("", COMMENT.sub("", file.read_text()))
            names = {name for pair in ITEM.findall(code) for name in pair if name}
            for name in sorted(names | {file.stem}):
                for word in words(name):
                    if word in WORDS and name not in ALLOWED:
                        faults.append(f"{place}: {name}: for {word} say {WORDS[word]}")
            for name in CONSTANT.findall(code):
                constants[name].append(place)
        for name, places in sorted(constants.items()):
            if len(places) > 1 and name not in IN_TYPES:
                faults.append(f"{name} is in {', '.join(map(str, places))}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


# Associated constants, which are named with their types.
IN_TYPES = {"ALL", "NAME", "NOT_FOUND", "SHORT"}

sys.exit(main())

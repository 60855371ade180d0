"""The blocks of the original's manual, from the folder that AERYS_ORIGINAL_EXAMPLES names, one to a file.

A block that is no file by itself is put into one that requires the adapter; what the manual leaves out of a class (`...`)
are methods that do nothing. Nothing else is changed.
"""

import os
import time
from pathlib import Path

from driver import ADAPTERS

FOLDER = os.environ.get("AERYS_ORIGINAL_EXAMPLES")

LEFT_OUT = "left out: AERYS_ORIGINAL_EXAMPLES names no folder with the blocks of the original's manual"

ADAPTER = ADAPTERS / "php" / "aerys.php"

METHODS = {
    "onOpen": "public function onOpen($clientId, array $request) {}",
    "onData": "public function onData($clientId, $data) {}",
    "onClose": "public function onClose($clientId, $code, $reason) {}",
}

# Assertions of a block are looked at.
PHP = ["php", "-d", "zend.assertions=1", "-d", "assert.exception=1"]


def block(number):
    (file,) = Path(FOLDER).glob(f"{number:02}-*")
    return file


def write_program(folder, source, behind):
    """A program that requires the adapter."""
    file = folder / "program.php"
    file.write_text(f"<?php\nrequire '{ADAPTER}';\n{source}\n{behind}\n")
    return file


def write_class(folder, number, name, behind=""):
    """A program whose application is the class in a block."""
    source = block(number).read_text()
    missing = [method for known, method in METHODS.items() if f"function {known}(" not in source]
    lines = ["\n".join(missing) if line.strip() == "..." else line for line in source.splitlines()]
    return write_program(folder, "\n".join(lines), f"{behind}\nAerys\\run({name!r});")


def write_before(folder):
    """What a configuration script has beside it: the class that it names."""
    before = folder / "before.php"
    methods = " ".join(METHODS.values())
    before.write_text(f"<?php require_once '{ADAPTER}'; class MyWebsocketClass implements Aerys\\Websocket {{ {methods} }}")
    return before


def in_second(parity, act):
    """Does something in a second that is even or odd from its beginning to its end; answers what came of it."""
    while True:
        while int(time.time()) % 2 != parity:
            time.sleep(0.01)
        second = int(time.time())
        done = act()
        if int(time.time()) == second:
            return done

#!/usr/bin/env python3
"""speed.py [MESSAGES]: what an echo costs each adapter, in microseconds of its process's CPU.

64 clients have a message of 20 bytes on its way each, always, as behind a busy server. It prints what the echo
waits for its sends, and what it does not; how many frames came with a read says how well they were gathered.
"""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from driver import ADAPTERS, DATA, DONE, HEAD, RESULT, SEND, Process, frame

CLIENTS = 64
SAID = b"\1" + b"x" * 20

JIT = ["-d", "opcache.enable_cli=1", "-d", "opcache.jit=tracing", "-d", "opcache.jit_buffer_size=32M"]

PROGRAMS = {
    "php, awaited": ["php", "php/examples/echo.php"],
    "php, awaited, jit": ["php", *JIT, "php/examples/echo.php"],
    "php, nowait": ["php", "tests/programs/echo_nowait.php"],
    "php, nowait, jit": ["php", *JIT, "tests/programs/echo_nowait.php"],
    "python, awaited": [sys.executable, "python/examples/echo.py"],
    "python, nowait": [sys.executable, "tests/programs/echo_nowait.py"],
    "node, awaited": ["node", "node/examples/echo.mjs"],
    "node, nowait": ["node", "tests/programs/echo_nowait.mjs"],
}


def measure(command, messages):
    """CPU of the process for each message, in microseconds, and frames to a read."""
    command = [str(ADAPTERS / part) if "/" in part else part for part in command]
    with Process(command) as process:
        process.begin()
        for client in range(1, CLIENTS + 1):
            process.accept(client)
        exchange(process, messages // 10)
        before = process.cpu_time()
        frames, reads = exchange(process, messages)
        return (process.cpu_time() - before) / messages * 1e6, frames / reads


def exchange(process, messages):
    """Has so many echoed. Each client's next message comes when the one before has been handled."""
    sock, unpack_from = process.socket, HEAD.unpack_from
    data = {client: frame(DATA, 1, client, client, SAID) for client in range(1, CLIENTS + 1)}
    sock.sendall(b"".join(data.values()))
    left, handled, unread, frames, reads = messages - CLIENTS, 0, b"", 0, 0
    while handled < messages:
        unread += sock.recv(1 << 18)
        reads += 1
        answers, at, end = [], 0, len(unread)
        while end - at >= 19:
            length, type, _, client, seq = unpack_from(unread, at)
            if at + 4 + length > end:
                break
            at += 4 + length
            frames += 1
            if type == SEND:
                if seq:
                    answers.append(frame(RESULT, 1, client, seq, b"\0"))
            elif type == DONE:
                handled += 1
                if left > 0:
                    left -= 1
                    answers.append(data[client])
        unread = unread[at:]
        if answers:
            sock.sendall(b"".join(answers))
    return frames, reads


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(f"{CLIENTS} clients, {messages} messages of {len(SAID) - 1} bytes")
    for name, command in PROGRAMS.items():
        microseconds, gathered = measure(command, messages)
        print(f"{name:20} {microseconds:6.2f} µs of CPU a message, {gathered:5.1f} frames a read")


if __name__ == "__main__":
    main()

"""The protocol of docs/applications.md, with the standard library alone and as little as there can be of it."""

import json
import socket
import struct

HELLO, START, READY, PING, PONG, STOP = 1, 2, 3, 4, 5, 6
OPEN, DATA, CLOSED, RESULT = 16, 17, 18, 19
DONE, HEADER, REFUSE, ACCEPT, SEND, BROADCAST = 32, 33, 34, 35, 36, 37
CLOSE, INSPECT, JOIN, LEAVE, GROUP, CLIENTS = 38, 39, 40, 41, 42, 43

HEAD = struct.Struct("!IBHQI")


class Stream:
    def __init__(self):
        self.socket = socket.socket(fileno=0)
        self.file = self.socket.makefile("rb", buffering=1 << 16)

    def write(self, kind, endpoint=0, client=0, seq=0, payload=b""):
        self.socket.sendall(HEAD.pack(15 + len(payload), kind, endpoint, client, seq) + payload)

    def read(self):
        """(type, endpoint, client, seq, payload), or None at the end."""
        head = self.file.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        length, kind, endpoint, client, seq = HEAD.unpack(head)
        return kind, endpoint, client, seq, self.file.read(length - 15)

    def hello(self, version=1, config=None):
        said = {"version": version, "adapter": "test 1.0", "config": config}
        self.write(HELLO, payload=json.dumps(said).encode())

    def begin(self):
        """HELLO, START, READY; gives what START has said."""
        self.hello()
        while (frame := self.read()) and frame[0] != START:
            pass
        if frame is None:
            raise SystemExit(0)
        self.write(READY)
        return json.loads(frame[4])


def text(string):
    encoded = string.encode()
    return struct.pack("!H", len(encoded)) + encoded


def ids(numbers):
    return struct.pack("!I", len(numbers)) + b"".join(struct.pack("!Q", it) for it in numbers)

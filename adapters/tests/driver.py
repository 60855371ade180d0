"""The server's side of the protocol, byte by byte, over a socket that a process has as its standard input."""

import collections
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parent.parent

HELLO, START, READY, PING, PONG, STOP = range(1, 7)
OPEN, DATA, CLOSED, RESULT = range(16, 20)
DONE, HEADER, REFUSE, ACCEPT, SEND, BROADCAST, CLOSE, INSPECT, JOIN, LEAVE, GROUP, CLIENTS = range(32, 44)

TEXT, HAS_GROUP, HAS_KEY, HAS_ONLY, HAS_EXCEPT, LOCAL = 1, 2, 4, 8, 16, 32
IS_DONE, IS_GONE, IS_REFUSED, IS_SUPERSEDED = range(4)

HEAD = struct.Struct(">IBHQI")
MAX_FRAME = 16 * 1024 * 1024

# How long anything may take, in seconds: nothing that is right comes near it.
PATIENCE = 20

REQUEST = {
    "method": "GET", "uri": "/chat?room=7", "path": "/chat", "query": "room=7", "version": "1.1", "scheme": "http",
    "host": "mysite.com", "param": {}, "headers": [["host", "mysite.com"]],
    "remote_addr": "127.0.0.1", "remote_port": 51234, "client_ip": "127.0.0.1",
    "server_addr": "127.0.0.1", "server_port": 80, "subprotocols": [],
}

Frame = collections.namedtuple("Frame", "type endpoint client seq payload")


def frame(type, endpoint=0, client=0, seq=0, payload=b""):
    return HEAD.pack(15 + len(payload), type, endpoint, client, seq) + payload


def message(kind_and_message):
    """What a SEND says: its text or its bytes, and its key or None."""
    flags, rest = kind_and_message[0], kind_and_message[1:]
    key = None
    if flags & HAS_KEY:
        key, rest = text(rest)
    return (rest.decode() if flags & TEXT else rest), key


Broadcast = collections.namedtuple("Broadcast", "message group key only except_ local")


def broadcast(payload):
    flags, rest = payload[0], payload[1:]
    group = key = only = excluded = None
    if flags & HAS_GROUP:
        group, rest = text(rest)
    if flags & HAS_KEY:
        key, rest = text(rest)
    if flags & HAS_ONLY:
        only, rest = ids(rest)
    if flags & HAS_EXCEPT:
        excluded, rest = ids(rest)
    said = rest.decode() if flags & TEXT else rest
    return Broadcast(said, group, key, only, excluded, bool(flags & LOCAL))


def text(payload):
    (length,) = struct.unpack_from(">H", payload)
    return payload[2:2 + length].decode(), payload[2 + length:]


def ids(payload):
    (count,) = struct.unpack_from(">I", payload)
    return list(struct.unpack_from(f">{count}Q", payload, 4)), payload[4 + 8 * count:]


class Process:
    """A program that is served."""

    def __init__(self, command, *, env=None, cwd=None):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        environment = {**os.environ, "AERYS_PROTOCOL": "1", **(env or {})}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=cwd)
        theirs.close()
        self.unread = bytearray()
        self.output, self.errors = Lines(self.process.stdout), Lines(self.process.stderr)
        self.event = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.output.close()
            self.errors.close()

    # What the server says.

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def begin(self, *paths, **more):
        """HELLO, START and READY. Answers what HELLO says."""
        hello = self.expect(HELLO)
        endpoints = [{"endpoint": number, "host": "mysite.com", "path": path}
                     for number, path in enumerate(paths or ["/chat"], 1)]
        start = {"version": 1, "server": "aerys test", "process": 0, "processes": 1, "max_frame": MAX_FRAME,
                 "endpoints": endpoints, **more}
        self.send(frame(START, payload=json.dumps(start).encode()))
        self.expect(READY)
        return json.loads(hello.payload)

    def next_event(self):
        self.event += 1
        return self.event

    def open_frame(self, client, endpoint=1, **request):
        payload = json.dumps({**REQUEST, **request}).encode()
        return frame(OPEN, endpoint, client, self.next_event(), payload)

    def open(self, client, endpoint=1, **request):
        self.send(self.open_frame(client, endpoint, **request))
        return self.event

    def data_frame(self, client, said, endpoint=1):
        payload = b"\1" + said.encode() if isinstance(said, str) else b"\0" + said
        return frame(DATA, endpoint, client, self.next_event(), payload)

    def data(self, client, said, endpoint=1):
        self.send(self.data_frame(client, said, endpoint))
        return self.event

    def closed(self, client, code=1000, reason="", endpoint=1):
        payload = struct.pack(">H", code) + reason.encode()
        self.send(frame(CLOSED, endpoint, client, self.next_event(), payload))
        return self.event

    def result(self, command, outcome=IS_DONE, value=None):
        if isinstance(value, str):
            payload = value.encode()
        else:
            payload = b"" if value is None else json.dumps(value).encode()
        self.send(frame(RESULT, command.endpoint, command.client, command.seq, bytes([outcome]) + payload))

    # What the process says.

    def receive(self):
        """The next frame, whatever it is."""
        while True:
            found = self.buffered()
            if found:
                return found
            chunk = self.socket.recv(1 << 20)
            if not chunk:
                raise EOFError(f"the process has closed the stream\n{self.errors.text()}")
            self.unread += chunk

    def buffered(self):
        if len(self.unread) < HEAD.size:
            return None
        length, *head = HEAD.unpack_from(self.unread)
        assert 15 <= length <= MAX_FRAME, f"a frame of {length} bytes"
        if len(self.unread) < 4 + length:
            return None
        payload = bytes(self.unread[HEAD.size:4 + length])
        del self.unread[:4 + length]
        return Frame(*head, payload)

    def expect(self, type, client=None):
        """The next frame, which has to be of that type, and about that client."""
        found = self.receive()
        assert found.type == type, f"{found} came, and no {type}\n{self.errors.text()}"
        assert client is None or found.client == client, f"{found} is not about {client}"
        return found

    def expect_message(self, client):
        """The next frame, a SEND, and what it says."""
        found = self.expect(SEND, client)
        said, _ = message(found.payload)
        return said, found

    def answer_message(self, client):
        """Has a SEND done that is waited for, and answers what it says."""
        said, command = self.expect_message(client)
        assert command.seq, "it is waited for"
        self.result(command)
        return said

    def expect_done(self, event, outcome=0):
        found = self.expect(DONE)
        assert (found.seq, found.payload[0]) == (event, outcome), f"{found} is not of {event}\n{self.errors.text()}"
        return found

    def expect_nothing(self):
        """What the process has to say comes before its answer to a PING; so all that it has said is known."""
        token = self.next_event()
        self.send(frame(PING, seq=token))
        found = self.expect(PONG)
        assert found.seq == token

    def accept(self, client, **request):
        """Lets a client in of whom the application makes nothing."""
        self.expect_done(self.open(client, **request))

    def memory(self):
        """The most that the process has had resident, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def waiting_bytes(self):
        """How much of what the process has written waits to be read."""
        count = fcntl.ioctl(self.socket, termios.FIONREAD, b"\0\0\0\0")
        return int.from_bytes(count, sys.byteorder)

    def cpu_time(self):
        """How long the process has had the processor, in seconds."""
        with open(f"/proc/{self.process.pid}/schedstat") as stat:
            return int(stat.read().split()[0]) / 1e9


class Lines:
    """What comes out of a pipe, which is always read."""

    def __init__(self, pipe):
        self.pipe, self.lines, self.changed = pipe, [], threading.Condition()
        self.ended = False
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        for line in self.pipe:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def until(self, is_enough):
        """Waits until the lines so far are enough."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while not is_enough(self.lines):
                left = deadline - time.monotonic()
                assert left > 0 and not self.ended, f"no more than {self.lines} came"
                self.changed.wait(left)
            return list(self.lines)

    def text(self):
        with self.changed:
            return "\n".join(self.lines)

    def close(self):
        self.thread.join()
        self.pipe.close()

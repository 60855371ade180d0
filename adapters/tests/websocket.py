"""A client of a websocket, byte by byte (RFC 6455), and a server to be a client of."""

import base64
import os
import re
import socket
import struct
import subprocess
from pathlib import Path

from driver import PATIENCE, Lines

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The handshake has been answered with something else than 101."""

    def __init__(self, status, reason, headers):
        super().__init__(f"{status} {reason}")
        self.status, self.reason, self.headers = status, reason, headers


class Closed(Exception):
    """The server has closed: with a code and a reason."""

    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    def __init__(self, port, path="/", **headers):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        fields = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **headers}
        lines = [f"GET {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        _, status, reason = (self.line().split(" ", 2) + [""])[:3]
        self.headers = {}
        while line := self.line():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        if status != "101":
            self.end()
            raise Refused(int(status), reason, self.headers)

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the server has hung up")
        return line.decode().rstrip("\r\n")

    def send(self, said):
        self.write(*((TEXT, said.encode()) if isinstance(said, str) else (BINARY, said)))

    def write(self, opcode, payload):
        length, mask = len(payload), os.urandom(4)
        if length < 126:
            head = bytes([0x80 | opcode, 0x80 | length])
        elif length < 1 << 16:
            head = bytes([0x80 | opcode, 0x80 | 126]) + struct.pack(">H", length)
        else:
            head = bytes([0x80 | opcode, 0x80 | 127]) + struct.pack(">Q", length)
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        masked = (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")
        self.socket.sendall(head + mask + masked)

    def receive(self):
        """The next message: a text or bytes."""
        message, kind = b"", None
        while True:
            first, second = self.exactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self.exactly(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.exactly(8))
            opcode, payload = first & 0xF, self.exactly(length)
            if opcode == PING:
                self.write(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                raise Closed(code, payload[2:].decode())
            elif opcode != PONG:
                message += payload
                kind = opcode or kind
                if first & 0x80:
                    return message.decode() if kind == TEXT else message

    def exactly(self, length):
        found = self.file.read(length)
        if len(found) < length:
            raise Closed(1006, "")
        return found

    def close(self, code=1000):
        """Says goodbye, waits for the answer, and answers what was said before that."""
        self.write(CLOSE, struct.pack(">H", code))
        heard = []
        try:
            while True:
                heard.append(self.receive())
        except Closed:
            self.end()
        return heard

    def end(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Server:
    """The binary, with a configuration."""

    def __init__(self, *arguments, env=None, cwd=None):
        self.process = subprocess.Popen(
            [os.environ["AERYS_BINARY"], *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=cwd)
        self.log = Lines(self.process.stdout)
        try:
            lines = self.log.until(lambda lines: any(LISTENING.search(line) for line in lines))
        except BaseException:
            self.stop()
            raise
        self.port = next(int(found[1]) for line in lines if (found := LISTENING.search(line)))

    def connect(self, path="/", **headers):
        return WebSocket(self.port, path, **headers)

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.log.close()

    def children(self):
        """The processes that it has started."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


LISTENING = re.compile(r"[Ll]istening on \S*?(?:127\.0\.0\.1|0\.0\.0\.0|\[::\]|\*):(\d+)")

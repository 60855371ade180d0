"""Python's `websockets` as a client; `foreign.rs` says what it is told and what it prints."""

import json
import random
import socket
import sys

from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

SIZES = [0, 1, 125, 126, 1023, 1024, 65535, 65536, 100 << 10, (1 << 20) + 1]
chance = random.Random(7692)


class Counting(socket.socket):
    """A socket that knows what has passed."""

    read = written = 0

    def recv(self, *args):
        data = super().recv(*args)
        self.read += len(data)
        return data

    def sendall(self, data, *args):
        super().sendall(data, *args)
        self.written += len(data)


class Client:
    def __init__(self, url, compression):
        address, _, _ = url.removeprefix("ws://").partition("/")
        host, _, port = address.partition(":")
        self.socket = Counting()
        self.socket.connect((host, int(port)))
        extensions = None
        if isinstance(compression, dict):
            extensions = [ClientPerMessageDeflateFactory(**compression)]
        self.ws = connect(
            url,
            sock=self.socket,
            extensions=extensions,
            compression="deflate" if compression else None,
            max_size=None,
        )
        self.head = self.passed()

    def passed(self):
        return self.socket.written, self.socket.read

    def since(self, before):
        return [now - then for now, then in zip(self.passed(), before)]

    def echo(self, message):
        self.ws.send(message)
        self.hears(message)

    def hears(self, message):
        answer = self.ws.recv()
        assert type(answer) is type(message), f"{type(answer)} for {type(message)}"
        assert answer == message, f"{len(message)} came back as {len(answer)} others"

    def ping(self, payload):
        assert self.ws.ping(payload).wait(30), "no pong"

    def tell(self, **more):
        closed = self.ws.protocol
        more.update(
            extensions=self.ws.response.headers.get("Sec-WebSocket-Extensions", ""),
            passed=self.since(self.head),
            closed=f"{closed.close_code} {closed.close_reason}",
        )
        print(json.dumps(more))


def text(size):
    """So many bytes of words, some of which are not ASCII."""
    words = ["tide", "lamp", "été", "水", "𝄞", "of", "and"]
    line = " ".join(chance.choices(words, k=size // 3)).encode()[:size]
    line = line.decode(errors="ignore").encode()
    return (line + b"." * (size - len(line))).decode()


def fragments(client, pieces):
    """With a ping after each piece: control frames may stand between fragments."""
    for piece in pieces:
        yield piece
        client.ws.ping()


def echo(client):
    for size in SIZES:
        client.echo(text(size))
        client.echo(bytes(size))
        client.echo(chance.randbytes(size))
    words = [text(40_000), "", text(7), "水", text(70_000)]
    client.ws.send(fragments(client, words))
    client.hears("".join(words))
    pieces = [b"", chance.randbytes(3), bytes(200_000), chance.randbytes(20_000), b""]
    client.ws.send(fragments(client, pieces))
    client.hears(b"".join(pieces))
    client.ping(b"are you there?")
    client.ws.close(4001, "c'était beau")
    client.tell()


def measure(client):
    noise = chance.randbytes(6 << 10)
    costs = []
    for message in [text(100 << 10), noise, noise]:
        before = client.passed()
        client.echo(message)
        costs.append(client.since(before))
    client.ws.close()
    client.tell(costs=costs)


def wait(client):
    try:
        client.ws.recv()
        raise AssertionError("nothing was to come")
    except ConnectionClosed:
        client.tell()


def sing(client, name, count):
    heard = []
    while len(heard) < int(count):
        message = client.ws.recv()
        if message == "sing":
            client.ws.send(f"{name}:" + " la" * 30_000)
        else:
            singer, _, song = message.partition(":")
            assert song == " la" * 30_000, f"{singer} is out of tune"
            heard.append(singer)
    client.ws.close(1000, name)
    client.tell(heard=sorted(heard))


what, url, offers, *more = sys.argv[1:]
for offer in json.loads(offers):
    client = Client(url, offer)
    {"echo": echo, "measure": measure, "wait": wait, "sing": sing}[what](client, *more)

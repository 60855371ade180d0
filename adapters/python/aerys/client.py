"""Clients, and the endpoints that they are of: what an application says to whom."""

import asyncio

from . import frames
from .errors import ClientGone, header_line

# Where the handshake of a client is.
PENDING, ACCEPTED, REFUSED, GONE = range(4)


class Endpoint:
    """A path on which clients come to an application."""

    def __init__(self, process, number, host, path, application):
        self._process, self._number = process, number
        self.host, self.path, self.application = host, path, application

    async def broadcast(self, message, *, only=None, except_=(), group=None, key=None, local=False):
        """Says something to all clients, or to ``only`` some, and waits until it is on its way to each.

        Answers how many got it: ``{"delivered": 3, "gone": 0, "superseded": 0, "dropped": 0}``. A ``group`` narrows it to its members, a
        later message with the same ``key`` takes the place of one that a slow client has not been sent yet, and ``local``
        keeps it on this node of a cluster.
        """
        payload = _broadcast(message, only, except_, group, key, local)
        return await self._process.command(frames.BROADCAST, self._number, 0, payload)

    def broadcast_nowait(self, message, *, only=None, except_=(), group=None, key=None, local=False):
        """The same, and waits for nobody."""
        payload = _broadcast(message, only, except_, group, key, local)
        self._process.tell(frames.BROADCAST, self._number, 0, payload)

    async def clients(self):
        """The ids of all clients."""
        return (await self._process.command(frames.CLIENTS, self._number))["clients"]

    async def members(self, group):
        """The ids of a group's members."""
        found = await self._process.command(frames.GROUP, self._number, 0, group.encode())
        return found["clients"]

    def client(self, id):
        """A client by its id; commands say whether it is there."""
        return self._process.clients.get(id) or Client(self._process, self, id, ACCEPTED)

    async def drain(self):
        """Waits until the server has taken most of what it has been told: for who says much and waits for none of it."""
        await self._process.stream.drain()

    def __repr__(self):
        return f"<Endpoint {self.host or '*'}{self.path}>"


class Client:
    """A client of an endpoint."""

    __slots__ = ("_process", "_state", "_tasks", "id", "endpoint", "state")

    def __init__(self, process, endpoint, id, state):
        self._process, self._state, self._tasks = process, state, None
        self.id, self.endpoint = id, endpoint
        #: Whatever the application wants to know of it.
        self.state = None

    @property
    def is_gone(self):
        return self._state in (GONE, REFUSED)

    def header(self, name, value):
        """Adds a header to the answer to the handshake; only before anything is said to the client."""
        if self._state != PENDING:
            raise RuntimeError("the handshake has been answered: headers come before anything is said")
        self._process.tell(frames.HEADER, self.endpoint._number, self.id, header_line(name, value).encode())

    def accept(self, subprotocol=None):
        """Lets it in before ``on_open`` has ended, so that broadcasts reach it, or with one of its subprotocols."""
        if self._state != PENDING:
            raise RuntimeError("the handshake has been answered")
        self._state = ACCEPTED
        self._process.tell(frames.ACCEPT, self.endpoint._number, self.id, (subprotocol or "").encode())

    async def send(self, message, *, key=None):
        """Says something to the client: a ``str`` as a text, or bytes. Waits until it is on its way.

        Raises ``ClientGone`` if the client went first. Answers False if a later message with the same ``key`` has taken
        its place, and else True.
        """
        self._speak()
        process = self._process
        seq, outcome = process.expect(frames.SEND)
        process.write(self._message(message, key, seq))
        return await outcome

    def send_nowait(self, message, *, key=None):
        """The same, and waits for nobody. Nothing happens if the client has gone."""
        if self._is_there():
            self._process.write(self._message(message, key, 0))

    async def close(self, code=1000, reason=""):
        """Closes the client, and waits until its ``on_close`` has run."""
        if self._is_there():
            payload = code.to_bytes(2, "big") + reason.encode()
            await self._process.command(frames.CLOSE, self.endpoint._number, self.id, payload)

    def close_nowait(self, code=1000, reason=""):
        """Closes the client, and waits for nothing."""
        if self._is_there():
            payload = code.to_bytes(2, "big") + reason.encode()
            self._process.tell(frames.CLOSE, self.endpoint._number, self.id, payload)

    async def inspect(self):
        """What is known of its connection."""
        self._speak()
        return await self._process.command(frames.INSPECT, self.endpoint._number, self.id)

    async def join(self, group):
        """Makes it a member of a group."""
        self._speak()
        await self._process.command(frames.JOIN, self.endpoint._number, self.id, group.encode())

    def join_nowait(self, group):
        if self._is_there():
            self._process.tell(frames.JOIN, self.endpoint._number, self.id, group.encode())

    async def leave(self, group):
        self._speak()
        await self._process.command(frames.LEAVE, self.endpoint._number, self.id, group.encode())

    def leave_nowait(self, group):
        if self._is_there():
            self._process.tell(frames.LEAVE, self.endpoint._number, self.id, group.encode())

    def spawn(self, coroutine):
        """Runs something beside the handlers, which is cancelled when the client has gone."""
        task = asyncio.create_task(self._process.guard(self, coroutine))
        if self.is_gone:
            task.cancel()
        self._tasks = self._tasks or set()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _message(self, message, key, seq):
        if isinstance(message, str):
            flags, payload = frames.IS_TEXT, message.encode()
        else:
            flags, payload = 0, bytes(message)
        if key is not None:
            flags, payload = flags | frames.HAS_KEY, frames.pack_text(key) + payload
        self._process.check(len(payload))
        length = frames.COUNTED + 1 + len(payload)
        return frames.pack_with_byte(length, frames.SEND, self.endpoint._number, self.id, seq, flags) + payload

    def _speak(self):
        if not self._is_there():
            raise ClientGone(f"client {self.id} has gone")

    def _is_there(self):
        if self._state == PENDING:
            # What is about to be said has it accepted.
            self._state = ACCEPTED
        return self._state == ACCEPTED

    def _forget(self):
        for task in self._tasks or ():
            task.cancel()

    def __repr__(self):
        return f"<Client {self.id} of {self.endpoint!r}>"


def _broadcast(message, only, except_, group, key, local):
    if isinstance(message, str):
        flags, message = frames.IS_TEXT, message.encode()
    else:
        flags = 0
    parts = [b""]
    if group is not None:
        flags |= frames.HAS_GROUP
        parts.append(frames.pack_text(group))
    if key is not None:
        flags |= frames.HAS_KEY
        parts.append(frames.pack_text(key))
    if only is not None:
        flags |= frames.HAS_ONLY
        parts.append(frames.pack_ids(only))
    except_ = list(except_)
    if except_:
        flags |= frames.HAS_EXCEPT
        parts.append(frames.pack_ids(except_))
    if local:
        flags |= frames.IS_LOCAL
    parts[0] = bytes([flags])
    parts.append(message)
    return b"".join(parts)

"""The process's side of the protocol: the server's events go to applications, and it is told when each is handled."""

import asyncio
import json
import os
import sys
import traceback

from . import frames
from .client import ACCEPTED, GONE, PENDING, REFUSED, Client, Endpoint
from .errors import ClientGone, CommandRefused, Refusal
from .request import Request
from .stream import Stream, standard_input
from .tasks import Outcome, start
from .websocket import Websocket

# Set for a program that the server has started.
_VARIABLE = "AERYS_PROTOCOL"

# The length of a frame without its payload, and of the flags of a message.
_AROUND = frames.HEAD.size + 1


def run(application):
    """Serves clients for as long as the server wants it, and answers then.

    ``application`` is one for all endpoints that the program was started for, or one for each path:
    ``{"/chat": Chat()}``.
    """
    if _VARIABLE not in os.environ:
        script = os.path.basename(sys.argv[0]) or "chat.py"
        _fail(f"{script} is an application of aerys, which starts it by itself: aerys run python3 {script}")
    for one in application.values() if isinstance(application, dict) else [application]:
        if not isinstance(one, Websocket):
            _fail(f"An application is an object of a class that inherits aerys.Websocket, and not {one!r}.")
    # What this program starts has not been started by the server.
    del os.environ[_VARIABLE]
    # Each line is one of the server's log, when it is printed.
    sys.stdout.reconfigure(line_buffering=True)
    asyncio.run(Process(application).serve())


class Process:
    def __init__(self, application):
        self._application = application
        self.clients, self._endpoints = {}, {}
        self._expected, self._seq = {}, 0
        self._max_frame = 16 * 1024 * 1024
        self._tasks = set()
        self.stream = None

    async def serve(self):
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self.stream = Stream(standard_input(), self._receive, self._end)
        self.write = self.stream.write
        hello = {"version": frames.VERSION, "adapter": "python 1.0", "config": None}
        self.write(frames.pack(frames.HELLO, payload=json.dumps(hello).encode()))
        await self._ended
        await asyncio.gather(*(self._stop(endpoint) for endpoint in self._endpoints.values()))

    def _end(self):
        self._ended.set_result(None)
        for _, outcome in list(self._expected.values()):
            if not outcome.done():
                outcome.reject(ClientGone("the server has gone, and all clients with it"))

    # Commands.

    def tell(self, type, endpoint, client=0, payload=b""):
        """A command that nobody waits for."""
        self.check(len(payload))
        self.write(frames.pack(type, endpoint, client, 0, payload))

    async def command(self, type, endpoint, client=0, payload=b""):
        """A command that is waited for, and its value."""
        self.check(len(payload))
        seq, outcome = self.expect(type)
        self.write(frames.pack(type, endpoint, client, seq, payload))
        return await outcome

    def expect(self, type):
        """A number for a command, and what will have its result."""
        if self.stream.has_ended:
            raise ClientGone("the server has gone, and all clients with it")
        self._seq = seq = self._seq % 0xFFFFFFFF + 1
        outcome = Outcome(loop=self._loop)
        self._expected[seq] = type, outcome
        return seq, outcome

    def check(self, length):
        if length + _AROUND > self._max_frame:
            raise ValueError(f"this message has {length} bytes, and the server takes at most {self._max_frame} "
                             "with all that is around it")

    # Events.

    def _receive(self, type, endpoint, client, seq, payload):
        if type == frames.DATA:
            self._data(self.clients[client], seq, payload)
        elif type == frames.RESULT:
            self._result(seq, payload)
        elif type == frames.OPEN:
            self._open(self._endpoints[endpoint], client, seq, payload)
        elif type == frames.CLOSED:
            self._closed(endpoint, client, seq, payload)
        elif type == frames.PING:
            self.write(frames.pack(frames.PONG, seq=seq))
        elif type == frames.START:
            self._start(json.loads(payload))
        elif type not in (frames.PONG, frames.STOP):
            # After a STOP clients go one by one, and then the server closes the stream.
            _fail(f"The server has sent a frame of type {type}, which this adapter does not know.")

    def _result(self, seq, payload):
        type, outcome = self._expected.pop(seq, (None, None))
        if outcome is None or outcome.done():
            return
        kind = payload[0]
        if kind == frames.IS_DONE:
            value = json.loads(payload[1:]) if len(payload) > 1 else None
            outcome.resolve(True if type == frames.SEND else value)
        elif kind == frames.IS_GONE:
            if type == frames.CLOSE:
                outcome.resolve(None)
            else:
                outcome.reject(ClientGone("the client has gone"))
        elif kind == frames.IS_REFUSED:
            outcome.reject(CommandRefused(payload[1:].decode(errors="replace")))
        else:
            outcome.resolve(False)

    def _start(self, start):
        if start["version"] != frames.VERSION:
            _fail(f"The server speaks version {start['version']} of the protocol, and this adapter {frames.VERSION}: "
                  "one of them is too old.")
        self._max_frame = start["max_frame"]
        for about in start["endpoints"]:
            application, path = self._application, about["path"]
            if isinstance(application, dict):
                if path not in application:
                    _fail(f"There is no application for {path} in this program; it has some for "
                          f"{', '.join(application)}.")
                application = application[path]
            number = about["endpoint"]
            self._endpoints[number] = Endpoint(self, number, about.get("host"), path, application)
        self._run(self._ready())

    async def _ready(self):
        try:
            await asyncio.gather(*(_await(endpoint.application.on_start(endpoint))
                                   for endpoint in self._endpoints.values()))
        except Exception:
            traceback.print_exc()
            # Who cannot start serves nobody: the server tries again.
            os._exit(1)
        self.write(frames.pack(frames.READY))

    async def _stop(self, endpoint):
        try:
            await _await(endpoint.application.on_stop(endpoint))
        except Exception:
            traceback.print_exc()

    def _open(self, endpoint, id, event, payload):
        client = self.clients[id] = Client(self, endpoint, id, PENDING)
        request = Request(json.loads(payload))
        self._handle(client, event, "on_open", endpoint.application.on_open, client, request)

    def _data(self, client, event, payload):
        if payload[0]:
            message = payload[1:].decode(errors="replace")
        else:
            message = payload[1:]
        self._handle(client, event, "on_data", client.endpoint.application.on_data, client, message)

    def _closed(self, endpoint, id, event, payload):
        client = self.clients.pop(id, None)
        if client is None:
            # The application has nothing of it.
            self.write(frames.pack(frames.DONE, endpoint, id, event, bytes([frames.HANDLED])))
            return
        client._state = GONE
        client._forget()
        code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode(errors="replace")
        self._handle(client, event, "on_close", client.endpoint.application.on_close, client, code, reason)

    def _handle(self, client, event, name, handler, *arguments):
        try:
            waiting = handler(*arguments)
        except Exception as error:
            self._done(client, event, name, error)
            return
        if waiting is None:
            self._done(client, event, name, None)
        else:
            self._run(self._await_handler(client, event, name, waiting))

    async def _await_handler(self, client, event, name, waiting):
        error = None
        try:
            await waiting
        except (Exception, asyncio.CancelledError) as raised:
            error = raised
            if self.stream.has_ended:
                # It is the end of the program that has cancelled it.
                return
        self._done(client, event, name, error)

    def _done(self, client, event, name, error):
        endpoint, outcome = client.endpoint, frames.HANDLED
        if isinstance(error, Refusal) and client._state == PENDING:
            client._state = REFUSED
            for line in error.headers:
                self.tell(frames.HEADER, endpoint._number, client.id, line.encode())
            payload = error.status.to_bytes(2, "big") + error.reason.encode()
            self.tell(frames.REFUSE, endpoint._number, client.id, payload)
        elif error is not None and not isinstance(error, ClientGone):
            outcome = frames.FAILED
            self.log(client, name, error)
        if name == "on_open":
            if outcome == frames.FAILED and client._state == PENDING:
                client._state = REFUSED
            if client._state == REFUSED:
                # No client comes of it.
                self.clients.pop(client.id, None)
                client._forget()
            elif client._state == PENDING:
                client._state = ACCEPTED
        self.write(frames.pack_with_byte(
            frames.COUNTED + 1, frames.DONE, endpoint._number, client.id, event, outcome))

    async def guard(self, client, coroutine):
        """What runs beside the handlers: an error closes the client, as one in a handler does."""
        try:
            return await coroutine
        except ClientGone:
            return None
        except Exception as error:
            self.log(client, "spawn", error)
            client.close_nowait(1011)

    def log(self, client, name, error):
        """Each line on standard error is one of the server's log."""
        who = type(client.endpoint.application).__name__
        trace = "".join(traceback.format_exception(error))
        print(f"{who}.{name} failed for client {client.id}: {trace}", end="", file=sys.stderr, flush=True)

    def _run(self, coroutine):
        task = start(self._loop, self._kept(coroutine))
        if not task.done():
            self._tasks.add(task)

    async def _kept(self, coroutine):
        try:
            await coroutine
        finally:
            # A callback would be called in a turn of its own.
            self._tasks.discard(asyncio.current_task())


async def _await(waiting):
    if waiting is not None:
        await waiting


def _fail(sentence):
    print(sentence, file=sys.stderr, flush=True)
    # Also from within a task, which would only keep what it is raised.
    os._exit(2)

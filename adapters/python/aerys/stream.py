"""The stream to the server: frames out of what is read, and one write for all that has gathered."""

import asyncio
import collections
import socket

from . import frames

# How much is read at once, and how much is written at once, in bytes.
_READ_SIZE = 256 * 1024
_WRITE_SIZE = 1024 * 1024

# Who drains waits until no more than this is left, in bytes.
_LOW = 1024 * 1024


class Stream:
    """Never blocks. What the kernel does not take yet is kept, and reading goes on meanwhile."""

    def __init__(self, sock, on_frame, on_end):
        sock.setblocking(False)
        self._socket, self._on_frame, self._on_end = sock, on_frame, on_end
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._read)
        # What is read goes through memory that stays: to be given some of that size anew costs more than the rest.
        self._read_into = memoryview(bytearray(_READ_SIZE))
        self._partial, self._wanted = bytearray(), frames.HEAD.size
        self._out, self._writing, self._queued = [], collections.deque(), 0
        self._is_due = self._is_blocked = self.has_ended = False
        self._drained = []

    def write(self, frame):
        """Has a frame written, with all others of this turn."""
        self._out.append(frame)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    async def drain(self):
        """Waits until the server has taken most of what it has been told."""
        while self._queued + sum(map(len, self._out)) > _LOW and not self.has_ended:
            waiter = self._loop.create_future()
            self._drained.append(waiter)
            await waiter

    def _read(self):
        try:
            count = self._socket.recv_into(self._read_into)
        except BlockingIOError:
            return
        except ConnectionError:
            count = 0
        if count == 0:
            self._end()
            return
        chunk = bytes(self._read_into[:count])
        if self._partial:
            self._partial += chunk
            if len(self._partial) < self._wanted:
                return
            chunk, self._partial = bytes(self._partial), bytearray()
        # What is said in answer leaves at once.
        is_due, self._is_due = self._is_due, True
        try:
            self._parse(chunk)
        finally:
            self._is_due = is_due
            self._flush()

    def _parse(self, chunk):
        unpack_from, on_frame = frames.HEAD.unpack_from, self._on_frame
        at, end, size = 0, len(chunk), frames.HEAD.size
        while end - at >= size:
            length, type, endpoint, client, seq = unpack_from(chunk, at)
            following = at + 4 + length
            if following > end:
                self._wanted = 4 + length
                break
            on_frame(type, endpoint, client, seq, chunk[at + size:following])
            at = following
        else:
            self._wanted = size
        if at < end:
            self._partial += chunk[at:] if at else chunk

    def _flush(self):
        self._is_due = False
        if self._out:
            gathered = memoryview(b"".join(self._out))
            self._out.clear()
            self._queued += len(gathered)
            self._writing.append(gathered)
        if not self._is_blocked:
            self._write()

    def _write(self):
        while self._writing:
            part = self._writing[0]
            try:
                count = self._socket.send(part[:_WRITE_SIZE])
            except BlockingIOError:
                if not self._is_blocked:
                    self._is_blocked = True
                    self._loop.add_writer(self._socket, self._write)
                break
            except OSError:
                self._end()
                return
            self._queued -= count
            if count == len(part):
                self._writing.popleft()
            else:
                self._writing[0] = part[count:]
        else:
            if self._is_blocked:
                self._is_blocked = False
                self._loop.remove_writer(self._socket)
        if self._drained and self._queued <= _LOW:
            self._wake()

    def _wake(self):
        drained, self._drained = self._drained, []
        for waiter in drained:
            if not waiter.done():
                waiter.set_result(None)

    def _end(self):
        if self.has_ended:
            return
        self.has_ended = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._writing.clear()
        self._wake()
        self._on_end()


def standard_input():
    """Standard input as the socket that it is."""
    return socket.socket(fileno=0)

"""Handlers whose first steps are done at once, and go on as soon as what they wait for is there.

A task of asyncio begins with the next turn of its loop, and goes on with the one after that in which its future has its
result. Each turn asks the system what has happened; an answer would wait for that.

All of this is done outside of any task: the loop calls who reads from the server.
"""

import asyncio
import sys


class Outcome(asyncio.Future):
    """What has the result of a command. One task waits for it."""

    _waiting = None

    def add_done_callback(self, callback, *, context=None):
        if self.done():
            super().add_done_callback(callback, context=context)
        else:
            self._waiting = callback, context

    def remove_done_callback(self, callback):
        if self._waiting is None or self._waiting[0] != callback:
            return super().remove_done_callback(callback)
        self._waiting = None
        return 1

    def cancel(self, msg=None):
        is_cancelled = super().cancel(msg)
        if is_cancelled and self._waiting is not None:
            # It is another task that does so.
            callback, context = self._waiting
            self.get_loop().call_soon(callback, self, context=context)
        return is_cancelled

    def resolve(self, value):
        """Has whoever waits go on with a value."""
        self.set_result(value)
        self._go_on()

    def reject(self, error):
        """Has whoever waits go on with an error."""
        self.set_exception(error)
        self._go_on()

    def _go_on(self):
        if self._waiting is not None:
            callback, context = self._waiting
            context.run(callback, self)


if sys.version_info >= (3, 12):

    def start(loop, coroutine):
        """A task that has done its first step."""
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def start(loop, coroutine):
        """A task that has done its first step."""
        if not isinstance(loop, asyncio.BaseEventLoop):
            # Another loop has its tasks begin as it likes.
            return loop.create_task(coroutine)
        steps = []
        # A task has its loop call its first step.
        loop.call_soon = lambda step, context=None: steps.append((step, context))
        try:
            task = asyncio.Task(coroutine, loop=loop)
        finally:
            del loop.call_soon
        for step, context in steps:
            context.run(step)
        return task

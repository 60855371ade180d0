"""What an application is."""


class Websocket:
    """An application: what is done when a client comes, speaks, and goes.

    Each method may be an async function or a plain one; whoever needs none of them leaves it out.
    """

    async def on_start(self, endpoint):
        """Comes once for each endpoint, before its first client. An error here ends the program."""

    async def on_open(self, client, request):
        """A client asks to be let in; nothing has been answered yet. Raise a ``Refusal`` to turn it away."""

    async def on_data(self, client, message):
        """A client has said something: a ``str`` or ``bytes``. Its next comes when this has ended."""

    async def on_close(self, client, code, reason):
        """A client has gone, perhaps while its ``on_open`` or ``on_data`` still waits for something."""

    async def on_stop(self, endpoint):
        """Comes once for each endpoint, when the last client has gone and the program is about to end."""

"""Websocket applications, served by aerys.

    import aerys

    class Echo(aerys.Websocket):
        async def on_data(self, client, message):
            await client.send(message)

    aerys.run(Echo())

The server starts such a program: ``aerys run python3 echo.py``.
"""

from .client import Client, Endpoint
from .errors import ClientGone, CommandRefused, Refusal
from .process import run
from .request import Request
from .websocket import Websocket

__all__ = ["Client", "ClientGone", "CommandRefused", "Endpoint", "Refusal", "Request", "Websocket", "run"]

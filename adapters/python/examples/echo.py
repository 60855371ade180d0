"""Says to each client what it has said."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import aerys


class Echo(aerys.Websocket):
    async def on_data(self, client, message):
        await client.send(message)


aerys.run(Echo())

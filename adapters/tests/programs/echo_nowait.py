"""Says to each client what it has said, and waits for nobody."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "python"))

import aerys


class Echo(aerys.Websocket):
    def on_data(self, client, message):
        client.send_nowait(message)


aerys.run(Echo())

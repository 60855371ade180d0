"""A clock for each client, which "stop" stops and "start" starts. It ends with its client."""

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import aerys


class Clock(aerys.Websocket):
    async def on_open(self, client, request):
        client.state = client.spawn(tick(client))

    async def on_data(self, client, message):
        match message:
            case "stop":
                client.state.cancel()
            case "start" if client.state.done():
                client.state = client.spawn(tick(client))
            case "start":
                pass
            case _:
                await client.send("say stop or start")


async def tick(client):
    while True:
        await client.send(time.strftime("%H:%M:%S"))
        await asyncio.sleep(1)


aerys.run(Clock())

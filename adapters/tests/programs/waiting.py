"""Waits for what it says by all that asyncio has to wait with."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "python"))

import aerys


class Waiting(aerys.Websocket):
    async def on_data(self, client, message):
        match message:
            case "timeout":
                try:
                    async with asyncio.timeout(0.05):
                        await client.send("nobody answers this")
                except TimeoutError:
                    await client.send("too late")
            case "gather":
                await asyncio.gather(client.send("one"), client.send("two"))
                client.send_nowait("both")
            case "group":
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(client.send("one"))
                    tasks.create_task(client.send("two"))
                client.send_nowait("both")
            case "cancel":
                task = asyncio.create_task(client.send("nobody answers this"))
                await asyncio.sleep(0)
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    await client.send("cancelled")
            case "wait_for":
                await asyncio.wait_for(client.send("in time"), 10)
                await asyncio.wait_for(asyncio.shield(client.send("shielded")), 10)
                client.send_nowait("both")


aerys.run(Waiting())

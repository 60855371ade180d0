"""Does what its clients ask for: the query of the handshake says what on_open does, a message what on_data does."""

import asyncio
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "python"))

import aerys


class Commands(aerys.Websocket):
    async def on_start(self, endpoint):
        await asyncio.sleep(0.001)
        print("started")

    async def on_stop(self, endpoint):
        await asyncio.sleep(0.001)
        print("stopped")

    async def on_open(self, client, request):
        match request.query:
            case "greet":
                client.header("X-One", 1)
                client.header("X-Two", 2)
                await client.send("hi")
            case "refuse":
                client.header("X-One", 1)
                raise aerys.Refusal(401, "Who are you?")
            case "fail":
                raise RuntimeError("no luck")
            case "fail-late":
                await client.send("hi")
                raise RuntimeError("no luck")
            case "close":
                await client.send("hi")
                print("before")
                await client.close(4001, "bye")
                print("after")
            case "broadcast":
                client.accept()
                await client.endpoint.broadcast("all hear it")
                client.endpoint.broadcast_nowait("and this")
            case "subprotocol":
                client.accept("chat")
            case "late-header":
                await client.send("hi")
                try:
                    client.header("X-One", 1)
                except RuntimeError:
                    await client.send("too late")

    async def on_data(self, client, message):
        if isinstance(message, bytes):
            await client.send(message)
            return
        command, _, rest = message.partition(" ")
        match command:
            case "echo":
                await client.send(rest)
            case "nowait":
                client.send_nowait("one")
                client.send_nowait("two")
                client.close_nowait(4000)
            case "try":
                try:
                    await client.send("first")
                    print("sent")
                    await client.send("second")
                except aerys.ClientGone:
                    print("gone")
            case "uncaught":
                await client.send("first")
                print("not gone")
            case "fail":
                fail()
            case "broadcast":
                only, except_ = map(json.loads, rest.split())
                tally = await client.endpoint.broadcast(
                    "news", only=only, except_=except_, group="g", key="k", local=True)
                await client.send(json.dumps(tally))
            case "close":
                id, code, reason = rest.split()
                await client.endpoint.client(int(id)).close(int(code), reason)
                await client.send("it is closed")
            case "inspect":
                await client.send(str((await client.inspect())["bytes_read"]))
            case "groups":
                await client.join("tea")
                await client.leave("milk")
                members = await client.endpoint.members("tea")
                clients = await client.endpoint.clients()
                await client.send(", ".join(" ".join(map(str, ids)) for ids in (members, clients)))
            case "refused":
                try:
                    await client.join("tea")
                except aerys.CommandRefused as error:
                    await client.send(str(error))
            case "key":
                is_sent = await client.send("price", key="k")
                await client.send("sent" if is_sent else "superseded")
            case "later":
                client.spawn(later(client))
            case "large":
                await client.send("é" * (int(rest) // 2) + "x" * (int(rest) % 2))
            case "mixed":
                for size in rest.split():
                    client.send_nowait("x" * int(size))
            case "environment":
                await client.send(json.dumps(os.environ.get("AERYS_PROTOCOL", False)))
            case _:
                await client.send(message)

    async def on_close(self, client, code, reason):
        print("closed", client.id, code, reason)
        await client.close()
        client.send_nowait("to nobody")
        await client.send("to nobody")
        print("not reached")


async def later(client):
    await asyncio.sleep(0.005)
    await client.send("later")


def fail():
    raise RuntimeError("no luck")


aerys.run(Commands())

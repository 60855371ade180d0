"""An echo by the `websockets` library alone, at the port in the environment's PORT."""

import asyncio
import os

from websockets.asyncio.server import serve


async def echo(client):
    async for message in client:
        await client.send(message)


async def main():
    async with serve(echo, "127.0.0.1", int(os.environ["PORT"]), compression=None, max_size=16 << 20) as server:
        await server.serve_forever()


asyncio.run(main())

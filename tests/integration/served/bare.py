"""An ASGI app of nobody's framework."""

from __future__ import annotations

import asyncio
import os

_count = os.open(os.environ.get("COUNT_FILE", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    os.write(_count, b".")
    body = await asyncio.to_thread(bytes, 10)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})

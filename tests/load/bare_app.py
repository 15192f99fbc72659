"""A bare ASGI app that counts what it is asked; `/seen` tells, and starts counting anew."""

from __future__ import annotations

import asyncio
import json

seen: list[dict[str, object]] = []


async def answer(send, status, body=b"hello", headers=()):
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def app(scope, receive, send):
    assert scope["type"] == "http"
    path = scope["path"]
    if path == "/seen":
        body = json.dumps(seen).encode()
        seen.clear()
        return await answer(send, 200, body)
    headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
    seen.append({"path": path, "method": scope["method"], "headers": headers})
    kind, _, rest = path[1:].partition("/")
    if kind == "hang":
        while (await receive())["type"] != "http.disconnect":
            pass
        return None
    if kind == "echo":
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body")
        return await answer(send, 200, body)
    if kind == "slow":
        await asyncio.sleep(0.01)
    if kind == "close":
        return await answer(send, 200, headers=[(b"connection", b"close")])
    if kind == "say":
        return await answer(send, 200, rest.encode())
    if kind == "move":
        there = rest.replace(",", "/").encode() or b"/hello"  # the path has been unquoted
        return await answer(send, 307, headers=[(b"location", there)])
    return await answer(send, int(rest) if kind == "status" else 200)

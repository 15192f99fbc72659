"""An app that prints 200 kB for each request."""

from __future__ import annotations

import os

_count = os.open(os.environ.get("COUNT_FILE", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


async def app(scope, receive, send):
    if scope["type"] == "http":
        os.write(_count, b".")
        for _ in range(200):
            os.write(1, b"x" * 999 + b"\n")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

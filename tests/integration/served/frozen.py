"""An app that holds its loop for half a second."""

from __future__ import annotations

import time


async def app(scope, receive, send):
    if scope["type"] == "http":
        time.sleep(0.5)  # noqa: ASYNC251  # the mistake is what is shown
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

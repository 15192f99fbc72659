"""Asks one app in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from threadscope.targets.demo_list import demo_folder

ASK = """
import asyncio, importlib, json, sys, threading
app = importlib.import_module(sys.argv[1]).app

async def ask(path):
    body = b""
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        nonlocal body
        body += message.get("body", b"")
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
             "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
             "root_path": "", "headers": [], "client": None, "server": None}
    await app(scope, receive, send)
    return json.loads(body)

async def main():
    print(json.dumps([await ask(path) for path in sys.argv[2:]]))

asyncio.run(main())
"""


def ask(module: str, *paths: str, work: str = "1", folder: Path | None = None) -> list:
    """What an app answers, without a server.

    Args:
        module: its file, without the ending.
        paths: what it is asked for.
        work: its THREADSCOPE_WORK.
        folder: where the file is; None: with the demos.
    """
    done = subprocess.run(
        [sys.executable, "-c", ASK, module, *paths],
        env={**os.environ, "PYTHONPATH": str(folder or demo_folder()), "THREADSCOPE_WORK": work},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])

"""A Starlette app: it runs wherever there is a Python."""

from __future__ import annotations

import os
import time

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

_count = os.open(os.environ.get("COUNT_FILE", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def in_a_thread(request):
    os.write(_count, b".")
    time.sleep(0.002)
    return PlainTextResponse("def")


async def on_the_loop(request):
    os.write(_count, b".")
    return PlainTextResponse("async")


def slow(request):
    os.write(_count, b".")
    time.sleep(0.3)
    return PlainTextResponse("slow")


app = Starlette(
    routes=[Route("/def", in_a_thread), Route("/async", on_the_loop), Route("/slow", slow)]
)

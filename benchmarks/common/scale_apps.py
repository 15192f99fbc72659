"""Apps of great numbers, for scale.py: a thousand threads, a thousand routes, requests that wait.

No return annotations on purpose, as in hello.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI

THREADS = 1_000
ROUTES = 1_000
HOP_S, WAIT_S = 4.0, 20.0


@asynccontextmanager
async def many_tokens(app: FastAPI) -> AsyncIterator[None]:
    """A threadpool of a thousand."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


threads = FastAPI(lifespan=many_tokens)
waits = FastAPI()
routes = FastAPI()


@threads.get("/hop")
def hop():
    """Keeps a worker thread for some seconds, without CPU."""
    time.sleep(HOP_S)
    return "done"


@waits.get("/wait")
async def wait():
    """Stays open for some seconds, without a thread."""
    await asyncio.sleep(WAIT_S)
    return "done"


def endpoint(number: int) -> Callable[..., Any]:
    """One of many endpoints; every second one is a `def`."""

    async def on_loop(id: int):
        return id

    def on_thread(id: int):
        return id

    made: Callable[..., Any] = on_thread if number % 2 else on_loop
    name = made.__qualname__ = made.__name__ = f"read_{number}"
    code = made.__code__  # one of its own, as functions have that somebody wrote
    made.__code__ = code.replace(co_name=name, co_firstlineno=number + 1)
    return made


for number in range(ROUTES):
    routes.get(f"/r{number}/items/{{id}}")(endpoint(number))

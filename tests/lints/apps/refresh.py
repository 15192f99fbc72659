"""A task of the app's own blocks the event loop every now and then; its endpoint is innocent."""

from __future__ import annotations

import asyncio
import contextlib
import time

from fastapi import FastAPI


def refresh():
    time.sleep(1.5)


async def refreshing():
    while True:
        await asyncio.sleep(0.5)
        refresh()


@contextlib.asynccontextmanager
async def lifespan(_):
    task = asyncio.create_task(refreshing())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/refresh/quick")
async def quick():
    return "quick"

"""A hello app that counts, and writes its count down when it ends: for soak.py.

The environment's THREADSCOPE_SOAK_COUNT names the file.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

COUNT = "THREADSCOPE_SOAK_COUNT"
asked = itertools.count()
"""One step a request; next() on it is whole, on whatever thread."""


def write_down() -> None:
    """The count, into the file."""
    Path(os.environ[COUNT]).write_text(str(next(asked)))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Writes the count at the end."""
    yield
    write_down()


app = FastAPI(lifespan=lifespan)


@app.get("/async")
async def hello_async():
    """On the event loop's thread."""
    next(asked)
    return "hello"


@app.get("/def")
def hello_def():
    """On a worker thread."""
    next(asked)
    return "hello"

"""A wait of 2 s, as for a database, in `async def` and in `def`: what 40 tokens mean.

    uvicorn demo_apps.io_bound:app

Send 20, 40, 80 and 120 requests at once. Look at the time until the last one is answered:

- `/io/async` awaits. All requests wait at the same time on one thread: 2 s for any number.
- `/io/def` sleeps on a worker thread. AnyIO lends 40 tokens, whatever the machine: 2 s for 20 and
  40 requests, 4 s for 80, 6 s for 120. The others wait for a token before their code has begun.

The answer names the thread that it was made on, and its identifier: one for all in `async def`,
one of up to 40 in `def`, made as they are needed, and used again.

THREADSCOPE_WORK is the length of the wait in milliseconds.
"""

import asyncio
import os
import threading
import time

from fastapi import FastAPI

WAIT_S = int(os.environ.get("THREADSCOPE_WORK") or 2000) / 1000
app = FastAPI()


def answer():
    thread = threading.current_thread()
    return {"thread": thread.name, "ident": thread.ident}


@app.get("/io/async")
async def io_async():
    await asyncio.sleep(WAIT_S)
    return answer()


@app.get("/io/def")
def io_def():
    time.sleep(WAIT_S)
    return answer()


# How `threadscope demo io` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "name": "io",
    "place": 5,
    "summary": "a wait of 2 s, for bursts of 20, 40, 80 and 120 requests: 40 tokens",
    "variants": {
        "async": "async def /io/async",
        "def": "def /io/def",
    },
    "clients": 40,
    "bursts": (20, 40, 80, 120),
    "work": "ms of waiting",
}

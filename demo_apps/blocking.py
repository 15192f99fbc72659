"""`time.sleep` in an `async def` endpoint: the mistake that people really make.

    uvicorn demo_apps.blocking:app

`requests.get`, a database driver that is not asynchronous, or reading a slow disk do the same. Ten
clients ask; look at the requests a second, and at the CPU:

- `/blocking/await` awaits `asyncio.sleep`: the event loop serves others meanwhile. CONCURRENT.
- `/blocking/def` calls `time.sleep` on a worker thread: others have threads of their own.
  CONCURRENT.
- `/blocking/mistake` calls `time.sleep` on the event loop's thread: nobody else is served until it
  returns. SEQUENTIAL, and the CPU is idle: more cores would not help. Say `def`, and all is well.

THREADSCOPE_WORK is the length of the wait in milliseconds.
"""

import asyncio
import os
import time

from fastapi import FastAPI

WAIT_S = int(os.environ.get("THREADSCOPE_WORK") or 300) / 1000
app = FastAPI()


@app.get("/blocking/await")
async def blocking_await():
    await asyncio.sleep(WAIT_S)
    return "awaited"


@app.get("/blocking/def")
def blocking_def():
    time.sleep(WAIT_S)
    return "slept on a worker thread"


@app.get("/blocking/mistake")
async def blocking_mistake():
    time.sleep(WAIT_S)  # noqa: ASYNC251  # this is the demo
    return "slept on the event loop"


# How `threadscope demo blocking` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 6,
    "summary": "time.sleep in async def: one at a time, and the CPU is idle",
    "variants": {
        "await": "async def, asyncio.sleep /blocking/await",
        "def": "def, time.sleep /blocking/def",
        "mistake": "async def, time.sleep /blocking/mistake",
    },
    "clients": 10,
    "work": "ms of waiting",
}

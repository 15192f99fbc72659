"""Slow `def` requests that use up the threadpool, and a quick one that waits for them.

    uvicorn demo_apps.pool:app --no-access-log

Sixty clients ask for something that takes a second, one asks ten times a second for something that
takes no time. Both endpoints block, so both need a worker thread. Look at the tokens, at what
waits for one, and at the latency of `/pool/quick`:

- `/pool/shared` is an ordinary `def` endpoint. It takes all of the 40 tokens that AnyIO lends to
  the whole application, and the quick request stands in the same line: nearly a second.
- `/pool/own` borrows its threads from a limiter of its own. It is no slower than before, and the
  quick request finds a token at once.

THREADSCOPE_WORK is the length of a slow request in milliseconds.
"""

import os
import time

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI

WAIT_S = int(os.environ.get("THREADSCOPE_WORK") or 1000) / 1000
app = FastAPI()
slow_limiter = CapacityLimiter(40)


@app.get("/pool/shared")
def pool_shared():
    time.sleep(WAIT_S)
    return "slow"


@app.get("/pool/own")
async def pool_own():
    await to_thread.run_sync(time.sleep, WAIT_S, limiter=slow_limiter)
    return "slow"


@app.get("/pool/quick")
def pool_quick():
    return "quick"


# How `threadscope demo pool` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 8,
    "summary": "slow requests use up the threadpool, a quick one waits; then a pool of their own",
    "variants": {
        "shared": "def, the tokens of all /pool/shared",
        "own": "async def, tokens of its own /pool/own",
    },
    "clients": 60,
    "beside": {"/pool/quick": 10},
    "work": "ms of waiting",
}

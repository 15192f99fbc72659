"""A loop of 1,000,000 additions in `async def` and in `def`, asked by a hundred clients.

    uvicorn demo_apps.loop:app --no-access-log

Some 40 ms of CPU a request, and many requests that want them. Look at the requests a second, and
at the longest latency:

- `/loop/async` computes on the event loop: one request at a time, and who came first is answered
  first. SEQUENTIAL.
- `/loop/def` computes on up to 40 worker threads, of which one has the GIL. CONCURRENT: the same
  core does the same work, and pays for each switch from thread to thread.

THREADSCOPE_WORK is the number of additions a request.
"""

import os

from fastapi import FastAPI

WORK = int(os.environ.get("THREADSCOPE_WORK") or 1_000_000)
app = FastAPI()


def add(additions: int) -> int:
    total = 0
    for _ in range(additions):
        total += 1
    return total


@app.get("/loop/async")
async def loop_async():
    return add(WORK)


@app.get("/loop/def")
def loop_def():
    return add(WORK)


# How `threadscope demo loop` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 3,
    "summary": "1,000,000 additions, asked by a hundred clients",
    "variants": {
        "async": "async def /loop/async",
        "def": "def /loop/def",
    },
    "clients": 100,
    "compare_clients": 20,
}

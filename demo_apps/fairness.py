"""A light endpoint beside a heavy one: what computing does to everybody else.

    uvicorn demo_apps.fairness:app --no-access-log

Four clients keep the heavy endpoint busy, and `/health` is asked ten times a second. Both ways
answer as many heavy requests a second. Look at the latency of `/health`:

- `/fairness/async` computes on the event loop. Nothing else is served meanwhile: a health check
  waits for every heavy request that came before it, and an orchestrator would restart the server.
- `/fairness/def` computes on worker threads. The event loop competes with them for the GIL, which
  changes hands every 5 ms: a health check takes some of these, and not more.

THREADSCOPE_WORK is the number of additions of a heavy request.
"""

import os

from fastapi import FastAPI

WORK = int(os.environ.get("THREADSCOPE_WORK") or 5_000_000)
app = FastAPI()


def add(additions: int) -> int:
    total = 0
    for _ in range(additions):
        total += 1
    return total


@app.get("/fairness/async")
async def fairness_async():
    return add(WORK)


@app.get("/fairness/def")
def fairness_def():
    return add(WORK)


@app.get("/health")
async def health():
    return "ok"


# How `threadscope demo fairness` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 7,
    "summary": "a health check beside a heavy endpoint, in async def and in def",
    "variants": {
        "async": "async def /fairness/async",
        "def": "def /fairness/def",
    },
    "clients": 4,
    "beside": {"/health": 10},
}

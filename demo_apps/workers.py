"""The same loop of 1,000,000 additions, served by several processes.

    uvicorn demo_apps.workers:app --no-access-log --workers 2

Each worker process has an event loop, a threadpool and a GIL of its own. Look at the threads by
process, and at the cores used:

- `/workers/async` and `/workers/def` both run in PARALLEL, one request per process with `async
  def`, several that share its core with `def`. A GIL is a process's, not the machine's.
- The kernel gives each connection to one of the processes, and there it stays: they are not equally
  busy, and a client of the busier one waits longer.

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


@app.get("/workers/async")
async def workers_async():
    return {"pid": os.getpid(), "total": add(WORK)}


@app.get("/workers/def")
def workers_def():
    return {"pid": os.getpid(), "total": add(WORK)}


# How `threadscope demo workers` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 4,
    "summary": "the same on several processes, one a core (--workers): parallel",
    "variants": {
        "async": "async def /workers/async",
        "def": "def /workers/def",
    },
    "clients": 100,
    "compare_clients": 20,
    "workers": 0,  # one a core
}

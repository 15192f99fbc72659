"""A busy loop in an `async def` endpoint and in a `def` endpoint: the same work, two pictures.

    uvicorn demo_apps.cpu:app

Ask from several clients at once, each again as soon as it was answered, and look at the lines
that the endpoints print:

- `/cpu/async/{client}` runs on the event loop's thread. start, end, start, end: one request at a
  time, and nobody else is served meanwhile, not even a health check. One thread is at 100 %.
- `/cpu/def/{client}` runs on worker threads. Several starts, then ends and starts in any order.
  The workers share one core, as only the thread that holds the GIL runs Python code: four
  clients wait as long as before, each on a thread of its own at 25 %.

THREADSCOPE_WORK is the number of additions a request; without it they take about 300 ms.
"""

import os
import threading
import time

from fastapi import FastAPI

REQUEST_S = 0.3
SAMPLE = 20_000
SAMPLING_S = 0.2


def burn(additions: int) -> int:
    """Keeps a core busy, without a pause and without letting go of the GIL on its own."""
    total = 0
    for _ in range(additions):
        total += 1
    return total


def calibrate() -> int:
    """How many additions take REQUEST_S of CPU time here; takes a quarter of a second."""
    burn(10 * SAMPLE)  # the first ones are slower: Python adapts its code, the core its clock
    best = REQUEST_S
    end = time.monotonic() + SAMPLING_S
    while time.monotonic() < end:
        begin = time.thread_time()
        burn(SAMPLE)
        # the quickest of some hundred: whatever disturbs a run makes it longer
        best = min(best, time.thread_time() - begin)
    return round(SAMPLE * REQUEST_S / best / 100_000) * 100_000


def read_work() -> int:
    """THREADSCOPE_WORK, or what `calibrate` finds."""
    text = os.environ.get("THREADSCOPE_WORK", "")
    if not text:
        additions = calibrate()
        print(f"a request is {additions:,} additions, about {REQUEST_S * 1000:.0f} ms of CPU here")
        return additions
    if not text.isdecimal() or int(text) == 0:
        raise SystemExit(f"THREADSCOPE_WORK is a number of additions, not {text!r}")
    print(f"a request is {int(text):,} additions, as THREADSCOPE_WORK says")
    return int(text)


WORK = read_work()
app = FastAPI()


@app.get("/cpu/async/{client}")
async def cpu_async(client: int):
    return work_for(client)


@app.get("/cpu/def/{client}")
def cpu_def(client: int):
    return work_for(client)


def work_for(client: int):
    thread = threading.current_thread().name
    print(f"start  client {client}  {thread}\n", end="")
    burn(WORK)
    print(f"end    client {client}  {thread}\n", end="")
    return {"client": client, "thread": thread}


# How `threadscope demo cpu` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 1,
    "summary": "a busy loop of about 300 ms, in async def and in def",
    "variants": {
        "async": "async def /cpu/async/{client}",
        "def": "def /cpu/def/{client}",
    },
    "clients": 4,
    "access_log": True,
}

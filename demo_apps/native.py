"""Hashing megabytes in `async def` and in `def`: threads that do run at the same time.

    uvicorn demo_apps.native:app

`hashlib` lets go of the GIL while it hashes, as do `zlib`, NumPy and most code in C that works on
something large. Four clients ask; look at the cores used, and at the height of the lanes:

- `/native/async` hashes on the event loop's thread: one request at a time, one core, and the
  GIL that it let go is of no use to anybody. SEQUENTIAL.
- `/native/def` hashes on worker threads, on all cores: PARALLEL, in one process. Here `def` is
  faster, though the work is CPU-bound.

THREADSCOPE_WORK is the number of megabytes a request.
"""

import hashlib
import os

from fastapi import FastAPI

MEGABYTES = int(os.environ.get("THREADSCOPE_WORK") or 300)
MEGABYTE = bytes(1_000_000)
app = FastAPI()


def digest() -> str:
    found = hashlib.sha256()
    for _ in range(MEGABYTES):
        found.update(MEGABYTE)
    return found.hexdigest()


@app.get("/native/async")
async def native_async():
    return digest()


@app.get("/native/def")
def native_def():
    return digest()


# How `threadscope demo native` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 9,
    "summary": "hashing megabytes lets go of the GIL: def uses every core",
    "variants": {
        "async": "async def /native/async",
        "def": "def /native/def",
    },
    "clients": 4,
    "work": "megabytes",
}

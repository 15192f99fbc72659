"""The smallest FastAPI app: what a request costs here is the server and the framework.

No return annotations on purpose: with one FastAPI validates the answer, and does that on a worker
thread for a `def`: two hops in place of one.
"""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/async")
async def hello_async():
    """On the event loop's thread."""
    return "hello"


@app.get("/def")
def hello_def():
    """On a worker thread."""
    return "hello"

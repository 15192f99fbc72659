"""An app that counts what it is asked, and one that stalls once: for load_fidelity.py."""

from __future__ import annotations

import time

from fastapi import FastAPI

STALL_AFTER_S, STALL_S = 4.0, 2.0

app = FastAPI()
state = {"asked": 0, "stall_at": 0.0}


@app.get("/async")
async def hello():
    """Counts, and answers."""
    state["asked"] += 1
    return "hello"


@app.get("/count")
async def count():
    """How many were asked since the last time."""
    asked, state["asked"] = state["asked"], 0
    return asked


@app.get("/stalling")
async def stalling():
    """Holds the event loop for 2 s, once, 4 s after the first request; then never again."""
    now = time.monotonic()
    state["stall_at"] = state["stall_at"] or now + STALL_AFTER_S
    state["asked"] += 1
    if now > state["stall_at"]:
        state["stall_at"] = float("inf")
        time.sleep(STALL_S)  # noqa: ASYNC251  # the mistake that is to be seen
    return "hello"


@app.get("/again")
async def again():
    """Will stall once more."""
    state["stall_at"] = 0.0
    return "yes"

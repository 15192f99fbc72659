"""A regular expression that never comes to an end soon: one call of C code that keeps the GIL."""

from __future__ import annotations

import re
import time

from fastapi import FastAPI

SLOW = re.compile(r"(a+)+b")
HOLD_S = 4.0
app = FastAPI()


def long_enough() -> int:
    """Each further letter doubles the time."""
    letters, took = 16, 0.0
    while took < 0.02:
        letters += 1
        begin = time.thread_time()
        SLOW.match("a" * letters)
        took = time.thread_time() - begin
    while took < HOLD_S:
        letters, took = letters + 1, took * 2
    return letters


LETTERS = long_enough()


@app.get("/regex")
async def regex():
    return SLOW.match("a" * LETTERS) is None

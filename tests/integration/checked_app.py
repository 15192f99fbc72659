"""A small service with one bad endpoint, and the same after the fix (CHECKED_FIXED=1)."""

from __future__ import annotations

import os
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def home():
    return "home"


if os.environ.get("CHECKED_FIXED"):

    @app.get("/report")
    def report():
        time.sleep(0.3)
        return "report"
else:

    @app.get("/report")
    async def report():
        time.sleep(0.3)  # noqa: ASYNC251  # the mistake that the check is to find
        return "report"

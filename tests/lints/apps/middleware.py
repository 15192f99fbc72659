"""An app below `BaseHTTPMiddleware`, which runs its endpoints in child tasks."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware

app = FastAPI()


async def nothing(request, call_next):
    return await call_next(request)


app.add_middleware(BaseHTTPMiddleware, dispatch=nothing)


@app.get("/middleware/cpu")
async def cpu():
    total = 0
    for _ in range(6_000_000):
        total += 1
    return total


@app.get("/middleware/hello")
def hello():
    return "hello"

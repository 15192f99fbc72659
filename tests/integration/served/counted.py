"""An app that counts what it is asked, by means of its own: a byte a request in a file."""

from __future__ import annotations

import asyncio
import os
import time

from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()
_count = os.open(os.environ.get("COUNT_FILE", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def counted():
    os.write(_count, b".")


@app.get("/def")
def in_a_thread():
    counted()
    time.sleep(0.002)
    return {"pid": os.getpid()}


@app.get("/async")
async def on_the_loop():
    counted()
    await asyncio.sleep(0.002)
    return {}


@app.get("/thread")
async def to_thread():
    counted()
    await asyncio.to_thread(time.sleep, 0.002)
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.001)
    return {}


@app.get("/slow")
def slow():
    counted()
    time.sleep(0.2)
    return {}


@app.get("/echo/{item}")
def echo(item: str, q: int = 1):
    return PlainTextResponse(f"{item} {q}", headers={"x-item": item})


@app.get("/stream")
def stream():
    return StreamingResponse((b"%d;" % n for n in range(5)), media_type="text/plain")


@app.get("/endless")
async def endless():
    async def chunks():
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.001)

    return StreamingResponse(chunks())


done: list[str] = []


@app.get("/background")
def background(tasks: BackgroundTasks):
    tasks.add_task(done.append, "sync")
    return len(done)


@app.get("/boom")
def boom():
    raise RuntimeError("the app's own error")


@app.websocket("/ws")
async def ws(socket: WebSocket):
    await socket.accept()
    while True:
        await socket.send_text("<" + await socket.receive_text() + ">")

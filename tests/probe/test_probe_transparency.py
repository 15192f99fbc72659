"""A watched app behaves as an unwatched one: the same scenarios, with the probe and without."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
from contextlib import asynccontextmanager

import observing
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import StreamingResponse

pytestmark = pytest.mark.integration

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


async def answers(server):
    """An app with a bit of everything; the whole of what its clients get."""
    app = FastAPI()

    def sync_dependency():
        return WHO.get()

    async def yielding():
        WHO.set("dependency")
        yield "y"

    @app.middleware("http")
    async def middleware(request, call_next):
        WHO.set("middleware")
        response = await call_next(request)
        response.headers["x-who"] = WHO.get()
        return response

    @app.get("/async/{x}")
    async def coroutine(x: int, request: Request, y: str = Depends(yielding)):
        await asyncio.sleep(0)
        return {"x": x, "y": y, "who": WHO.get(), "query": dict(request.query_params)}

    @app.get("/def/{x}")
    def function(x: int, who: str = Depends(sync_dependency)):
        return {"x": x, "who": who}

    @app.get("/stream")
    def stream():
        return StreamingResponse(iter(["a", "b"]), media_type="text/plain")

    @app.get("/teapot")
    async def teapot():
        raise HTTPException(418, "no coffee", headers={"x-tea": "yes"})

    @app.get("/raises")
    def raises():
        raise LookupError("lost")

    @app.get("/tasks")
    async def tasks(tasks: BackgroundTasks):
        tasks.add_task(lambda: None)
        return "ok"

    paths = ("/async/1?q=2", "/async/x", "/def/3", "/stream", "/teapot", "/raises", "/tasks", "/no")
    return [await server.get(app, path) for path in paths]


async def scopes(server):
    """What an app sees of its scope, its context and its own call."""
    seen = []

    async def app(scope, receive, send):
        seen.append(sorted((key, repr(value)) for key, value in scope.items()))
        seen.append(await receive())
        seen.append(asyncio.current_task().get_coro().__name__)
        WHO.set("app")
        await asyncio.create_task(child())
        await send({"type": "http.response.start", "status": 204, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body"})
        return "ignored"

    async def child():
        seen.append(WHO.get())

    WHO.set("server")
    answer = await server.get(app, "/x?y=1", method="PATCH", headers=[(b"k", b"v")])
    return answer, seen, WHO.get()


async def throws(server):
    """Exceptions of every sort keep their type, their cause and their traceback's end."""

    class Odd(BaseException):
        pass

    async def run(error, cause=None):
        async def app(scope, receive, send):
            await asyncio.sleep(0)
            raise error from cause

        async def send(message): ...

        try:
            await server.load(app)(server.scope("/"), send, send)
        except BaseException as raised:
            trace = raised.__traceback__
            while trace.tb_next:
                trace = trace.tb_next
            # a StopIteration becomes a RuntimeError in whoever awaits: there it differs
            innermost = trace.tb_frame.f_code.co_name if raised is error else ""
            return type(raised).__name__, str(raised), repr(raised.__cause__), innermost

    return [
        await run(ValueError("v")),
        await run(KeyError("k"), OSError("cause")),
        await run(StopAsyncIteration()),
        await run(StopIteration(3)),
        await run(Odd("odd")),
        await run(GeneratorExit()),
        await run(asyncio.CancelledError("why")),
        await run(ExceptionGroup("g", [ValueError("in")])),
    ]


async def lifespan(server):
    met = []

    @asynccontextmanager
    async def life(app):
        met.append("up")
        yield {"db": 1}
        met.append("down")

    app = server.load(FastAPI(lifespan=life))
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(messages)

    async def send(message):
        met.append(message["type"])

    state = {}
    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}, receive, send)
    return met, state


async def websocket(server):
    app = FastAPI()

    @app.websocket("/ws/{room}")
    async def endpoint(socket: WebSocket, room: str):
        await socket.accept()
        await socket.send_text(room + await socket.receive_text())
        await socket.close(1001)

    scope = server.scope("/ws/7") | {"type": "websocket", "scheme": "ws", "subprotocols": []}
    del scope["method"]
    arriving = iter([{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "!"}])
    sent = []

    async def receive():
        return next(arriving)

    async def send(message):
        sent.append(message)

    await server.load(app)(scope, receive, send)
    return sent


async def other_scopes(server):
    """Types that nobody knows yet are the app's business."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    for kind in ("webtransport", "", "lifespan"):
        await server.load(app)({"type": kind}, None, None)
    return seen


async def attributes(server):
    """The app's own attributes show through."""
    app = FastAPI(title="mine")
    loaded = server.load(app)
    missing = "no error"
    try:
        _ = loaded.not_there
    except AttributeError:
        missing = "AttributeError"
    return (
        loaded.title,
        loaded.routes is app.routes,
        missing,
    )


async def protocol(server):
    """How uvicorn tells ASGI 3 from ASGI 2, by its own rule."""
    from asyncio import iscoroutinefunction

    is_coroutine = (
        inspect.iscoroutinefunction if sys.version_info >= (3, 12) else iscoroutinefunction
    )
    loaded = server.load(FastAPI())
    return is_coroutine(loaded if inspect.isfunction(loaded) else loaded.__call__)


async def threads(server):
    """`run_in_executor`, `to_thread`, `submit`: results, exceptions, context variables."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    found = []

    def work(*args, **kwargs):
        return args, kwargs, WHO.get()

    def fails():
        raise OSError("disk")

    async def app(scope, receive, send):
        WHO.set("app")
        loop = asyncio.get_running_loop()
        found.append(await asyncio.to_thread(work, 1, b=2))
        found.append(await loop.run_in_executor(pool, work, 3))
        found.append(pool.submit(work, 4, c=5).result())
        found.append(list(pool.map(lambda x: x * x, [1, 2, 3])))
        try:
            await asyncio.to_thread(fails)
        except OSError as error:
            found.append(str(error))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    answer = await server.get(app)
    pool.shutdown()
    return answer, found


async def middlewares(server):
    app = FastAPI()
    order = []

    class Outer(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            order.append("in")
            response = await call_next(request)
            order.append("out")
            return response

    app.add_middleware(Outer)
    app.add_middleware(Outer)

    @app.get("/")
    async def endpoint():
        order.append("endpoint")
        return "x"

    return (await server.get(app)), order


async def awaitables(server):
    """ASGI only asks for something that can be awaited, which a task is as well."""

    async def answer(send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"task"})

    def app(scope, receive, send):
        return asyncio.ensure_future(answer(send))

    return await server.get(app)


async def cancellations(server):
    """Once an app has dealt with what was thrown into it, nothing of it is left to be found."""
    seen = []

    async def app(scope, receive, send):
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as error:
                seen.append(str(error))
            seen.append(sys.exc_info()[0])
            await asyncio.sleep(0)
            try:
                raise ValueError("later")
            except ValueError as error:
                seen.append(repr(error.__context__))
        return "value"

    async def call():
        return await server.load(app)(server.scope("/"), None, None)

    task = asyncio.create_task(call())
    for _ in range(2):
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel("twice")
    return await task, seen


async def returned(server):
    """ASGI apps return nothing; what they return all the same is for the server to judge."""

    async def at_once(scope, receive, send):
        return 1

    async def later(scope, receive, send):
        await asyncio.sleep(0)
        return 2

    def awaitable(scope, receive, send):
        return later(scope, receive, send)

    class Instance:
        async def __call__(self, scope, receive, send):
            return 3

        async def method(self, scope, receive, send):
            return 4

    apps = at_once, later, awaitable, Instance(), Instance().method
    return [await server.load(app)(server.scope("/"), None, None) for app in apps]


SCENARIOS = [
    answers, scopes, throws, lifespan, websocket, other_scopes, threads, middlewares, awaitables,
    cancellations, returned,
]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_it_is_the_same_with_the_probe_and_without(observe, scenario):
    watched, unwatched = observe(scenario), observe(scenario, probe=False)
    assert watched.result == unwatched.result
    assert watched.result


def test_the_wrapper_shows_the_apps_attributes(observe):
    watched, unwatched = observe(attributes), observe(attributes, probe=False)
    assert watched.result == unwatched.result == ("mine", True, "AttributeError")


@pytest.mark.parametrize("probe", [True, False], ids=["watched", "unwatched"])
def test_the_wrapper_is_taken_for_asgi_3(observe, probe):
    assert observe(protocol, probe=probe).result is True


@pytest.mark.parametrize("scenario", [lifespan, websocket, other_scopes])
def test_what_is_no_request_leaves_no_record(observe, scenario):
    assert observe(scenario).records == []


async def garbage(server):
    """Requests that a server would never make: the app gets them, the probe survives."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope.get("path"))

    async def send(message): ...

    for scope in (
        {"type": "http"},
        {"type": "http", "headers": [(b"x-threadscope-request", b"no number")], "method": "GET"},
        {"type": "http", "headers": None, "method": "GET", "path": "/x"},
    ):
        await server.load(app)(scope, send, send)
    return seen


def test_scopes_that_are_no_scopes_reach_the_app(tmp_path):
    seen = observing.run(garbage, tmp_path, True)
    assert seen.result == [None, None, "/x"]
    assert seen.errors > 0, "counted, not raised"

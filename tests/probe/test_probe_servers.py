"""Requests are seen whoever serves them, each once; WebSockets are counted as connections."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import Context
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

pytestmark = pytest.mark.integration


def hello(request):
    return PlainTextResponse("hello")


async def wait(request):
    await asyncio.sleep(0)
    return PlainTextResponse("waited")


def starlette_app():
    inner = Starlette(routes=[Route("/def", hello)])
    return Starlette(routes=[Route("/def", hello), Route("/async", wait), Mount("/sub", inner)])


async def ask_unknown(server, app, path):
    """As a server of which the probe knows nothing."""
    return await server._call(app, server.scope(path))


# -- an unknown server -----------------------------------------------------------------------------
async def starlette_alone(server):
    app = starlette_app()
    paths = ("/def", "/async", "/sub/def", "/nowhere")
    return [(await ask_unknown(server, app, path)).status for path in paths]


def test_a_starlette_app_observes_itself(observe):
    seen = observe(starlette_alone)
    assert seen.result == [200, 200, 200, 404]
    ends = [(end.what.route, end.what.name) for end in seen.of("END")]
    assert ends[:2] == [("/def", "hello"), ("/async", "wait")]
    assert len(ends) == 4, "the app inside the app is no second request"


async def fastapi_alone(server):
    app = FastAPI()

    @app.get("/items/{item}")
    def item(item: int):
        return item

    return [(await ask_unknown(server, app, f"/items/{n}")).body for n in range(3)]


def test_a_fastapi_app_observes_itself_once(observe):
    """Its `__call__` calls Starlette's."""
    seen = observe(fastapi_alone)
    assert seen.result == [b"0", b"1", b"2"]
    assert [end.what.route for end in seen.of("END")] == ["/items/{item}"] * 3
    assert [hop.request for hop in seen.of("HOP_OUT")] == [end.request for end in seen.of("END")]


async def one_task_for_all(server):
    """Keep-alive, as a simple server does it: one task and context, request after request."""
    app = starlette_app()
    return [(await server._call(app, server.scope("/def"))).status for _ in range(3)]


def test_requests_in_one_context_are_told_apart(observe):
    seen = observe(one_task_for_all)
    assert seen.result == [200] * 3
    assert len({end.request for end in seen.of("END")}) == 3


async def in_a_child_task(server):
    async def pass_on(request, call_next):
        return await call_next(request)

    app = Starlette(routes=[Route("/def", hello), Mount("/sub", starlette_app())])
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    return [(await ask_unknown(server, app, path)).status for path in ("/def", "/sub/def")]


def test_an_app_in_a_middlewares_task_is_part_of_its_request(observe):
    seen = observe(in_a_child_task)
    assert seen.result == [200, 200]
    assert len(seen.of("END")) == 2


async def called_by_a_request(server):
    inner = starlette_app()

    async def outer(request):
        answer = await server._call(inner, server.scope("/def"))
        return PlainTextResponse(answer.body)

    return (await ask_unknown(server, Starlette(routes=[Route("/", outer)]), "/")).body


def test_an_app_that_a_request_calls_is_part_of_it(observe):
    seen = observe(called_by_a_request)
    assert seen.result == b"hello"
    assert len(seen.of("END")) == 1


async def short_lived(server):
    app = starlette_app()
    await asyncio.create_task(ask_unknown(server, app, "/def"))
    gone = weakref.ref(app)
    del app
    for _ in range(3):
        await asyncio.sleep(0)
        gc.collect()
    return gone() is None


def test_an_observed_app_is_not_kept_alive(observe):
    assert observe(short_lived).result is True


async def subclass_without_weak_references(server):
    class Odd(Starlette):
        __slots__ = ()

        def __hash__(self):
            raise TypeError("not hashable")

    return (await ask_unknown(server, Odd(routes=[Route("/def", hello)]), "/def")).status


def test_an_app_of_an_odd_class_is_served_all_the_same(observe):
    assert observe(subclass_without_weak_references).result == 200


# -- a known server --------------------------------------------------------------------------------
async def handed_over(server):
    from threadscope.probe import servers

    app = servers.known(starlette_app(), "somebody")
    own = [cls.__dict__["__call__"].__code__.co_filename for cls in (Starlette, FastAPI)]
    answers = [await server._call(app, server.scope(p)) for p in ("/def", "/sub/def")]
    return [answer.status for answer in answers], [path.endswith("applications.py") for path in own]


def test_under_a_known_server_the_classes_are_as_they_were(observe):
    seen = observe(handed_over)
    assert seen.result == ([200, 200], [True, True])
    assert len(seen.of("END")) == 2


async def wrapped_by_somebody_else(server):
    from threadscope.probe import servers

    calls, before = [], Starlette.__call__

    async def theirs(self, *asgi):
        calls.append(asgi[0]["path"])
        await before(self, *asgi)

    Starlette.__call__ = theirs
    app = servers.known(starlette_app(), "somebody")
    await server._call(app, server.scope("/def"))
    return calls, Starlette.__call__ is theirs


def test_what_others_patched_later_stays(observe):
    seen = observe(wrapped_by_somebody_else)
    assert seen.result == (["/def"], True)
    assert len(seen.of("END")) == 1


class OldServer:
    """A hypercorn, or a granian, of another shape than ours knows."""


async def unknown_shapes(server):
    from threadscope.probe import hooks

    for name in ("uvicorn.config", "hypercorn.app_wrappers", "granian.asgi"):
        hooks.apply(name, SimpleNamespace(Config=OldServer, ASGIWrapper=None))
    return (await server.get(starlette_app(), "/def")).status


def test_servers_of_an_unknown_shape_are_left_alone(observe):
    assert observe(unknown_shapes).result == 200


# -- WebSockets ------------------------------------------------------------------------------------
async def echo(scope, receive, send):
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def connect(server, app):
    """A connection in a context of its own; put messages into the queue."""
    inbox, sent = asyncio.Queue(), []

    async def send(message):
        sent.append(message)

    scope = {**server.scope("/ws"), "type": "websocket"}
    call = app(scope, inbox.get, send)
    task = asyncio.get_running_loop().create_task(_await(call), context=Context())
    return task, inbox, sent


async def _await(call):
    return await call


def count(server):
    reader = server.reader()
    try:
        return sum(cell.websockets for cell in reader.cells())
    finally:
        reader.close()


async def connections(server):
    app = server.load(echo)
    opened = [connect(server, app) for _ in range(3)]
    await server.until(lambda: all(sent for _, _, sent in opened))
    counts = [count(server)]
    for task, inbox, _ in opened[:2]:
        inbox.put_nowait({"type": "websocket.receive", "text": "x"})
        inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await task
    counts.append(count(server))
    opened[2][0].cancel()
    await asyncio.gather(opened[2][0], return_exceptions=True)
    return [*counts, count(server)], [len(sent) for _, _, sent in opened]


def test_websockets_are_counted_while_they_are_open(observe):
    seen = observe(connections)
    assert seen.result == ([3, 1, 0], [2, 2, 1])
    assert seen.records == [], "they are no requests"
    assert seen.open == []


async def fastapi_connection(server):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(socket):
        await socket.accept()
        await socket.receive_text()

    app.router.routes[-1].app = echo  # FastAPI's and Starlette's `__call__` on the way there
    task, inbox, sent = connect(server, app)
    await server.until(lambda: sent)
    counted = count(server)
    inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await task
    return counted, count(server)


def test_a_connection_is_counted_once(observe):
    assert observe(fastapi_connection).result == (1, 0)


# -- a process that runs already -------------------------------------------------------------------
async def entered_live(server):
    from threadscope.probe import live

    app = starlette_app()
    before = (await ask_unknown(server, app, "/def")).status
    answer = server._folder + "/answer"
    live.enter(server._folder, answer)
    after = [(await ask_unknown(server, app, path)).status for path in ("/def", "/async")]
    return before, after, answer


def test_a_probe_that_comes_later_sees_the_requests_from_then_on(observe, tmp_path):
    """The app, its routes and its middleware were made before."""
    seen = observe(entered_live, probe=False)
    before, after, answer = seen.result
    assert (before, after) == (200, [200, 200])
    assert Path(answer).read_text() == "ok"
    assert [end.what.name for end in seen.of("END")] == ["hello", "wait"]


async def entered_bare(server):
    import uvicorn

    from threadscope.probe import live

    config = uvicorn.Config(echo_http, log_config=None, ws="none", lifespan="off")
    config.load()
    running = uvicorn.Server(config)
    connection = SimpleNamespace(app=config.loaded_app)
    running.server_state.connections.add(_Hashed(connection))
    import sys

    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if "starlette" in name}
    live.enter(server._folder, server._folder + "/answer")
    sys.modules.update(hidden)
    statuses = [(await server._call(a, server.scope("/x"))).status
                for a in (config.loaded_app, connection.app)]  # fmt: skip
    return statuses, running.config is config


class _Hashed:
    """A connection, as far as uvicorn's set of them is concerned."""

    def __init__(self, inner):
        object.__setattr__(self, "inner", inner)

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __setattr__(self, name, value):
        setattr(self.inner, name, value)


async def echo_http(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_a_bare_app_is_found_in_the_running_server_and_its_connections(observe):
    seen = observe(entered_bare, probe=False)
    assert seen.result == ([204, 204], True)
    assert [end.what.route for end in seen.of("END")] == ["/x", "/x"]

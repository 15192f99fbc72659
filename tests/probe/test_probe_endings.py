"""How requests end: late bodies, background work, exceptions, clients that leave."""

from __future__ import annotations

import asyncio
import warnings

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException
from starlette.responses import StreamingResponse

from threadscope.probe import layout as L

pytestmark = pytest.mark.integration


async def background(server):
    app = FastAPI()
    order = []

    def sync_task():
        order.append("sync")

    async def async_task():
        await asyncio.sleep(0)
        order.append("async")

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks):
        tasks.add_task(sync_task)
        tasks.add_task(async_task)

    await server.get(app)
    return order


def test_background_tasks_run_after_the_end(observe):
    seen = observe(background)
    assert seen.result == ["sync", "async"]
    (hop,) = seen.of("HOP_OUT")
    assert hop.request == seen.end.request
    assert seen.end.t <= hop.a, "it began after the last of the body"
    assert not seen.end.flags & L.F_FAILED
    assert seen.open == []


async def failing_background(server):
    app = FastAPI()

    async def task():
        raise ValueError("late")

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks):
        tasks.add_task(task)

    return await server.get(app)


def test_what_fails_after_the_answer_is_no_failed_request(observe):
    seen = observe(failing_background)
    assert (seen.result.status, seen.result.error) == (200, "ValueError: late")
    assert (seen.end.status, seen.end.flags & L.F_FAILED) == (200, 0)


async def stream(server):
    app = FastAPI()
    went, gate = [], asyncio.Event()

    async def parts():
        for part in ("a", "b", "c"):
            went.append(part)
            yield part
            await gate.wait()

    @app.get("/")
    async def endpoint():
        return StreamingResponse(parts())

    request = server.begin(app)
    await server.until(lambda: went)
    meanwhile = len(server.open())
    gate.set()
    return meanwhile, await request


def test_a_stream_ends_with_its_last_body(observe):
    seen = observe(stream)
    meanwhile, answer = seen.result
    assert meanwhile == 1, "begun, not ended"
    assert answer.body == b"abc"
    assert (seen.end.status, seen.end.flags & L.F_FAILED) == (200, 0)
    # the step that sent the last body ends after it, and is told if it was a long one
    assert [record.kind for record in seen.records if record.kind != "STEP"][-1] == "END"


async def sync_stream(server):
    app = FastAPI()

    @app.get("/")
    def endpoint():
        return StreamingResponse(iter(["a", "b"]))

    return await server.get(app)


def test_each_part_of_a_sync_stream_is_a_hop(observe):
    seen = observe(sync_stream)
    assert seen.result.body == b"ab"
    hops = seen.of("HOP_OUT")
    assert [hop.flags for hop in hops] == [L.F_ENDPOINT, 0, 0, 0]
    assert {hop.request for hop in hops} == {seen.end.request}
    assert seen.end.t >= hops[-1].t


async def errors(server):
    app = FastAPI()

    @app.get("/raises")
    async def raises():
        raise ValueError("boom")

    @app.get("/refuses")
    async def refuses():
        raise HTTPException(418, "no")

    async def bare(scope, receive, send):
        raise ValueError("bare")

    return [await server.get(*args) for args in ((app, "/raises"), (app, "/refuses"), (bare, "/"))]


def test_exceptions(observe):
    seen = observe(errors)
    raised, refused, bare = seen.result
    assert (raised.status, raised.error) == (500, "ValueError: boom")
    assert (refused.status, refused.error) == (418, "")
    assert (bare.status, bare.error) == (None, "ValueError: bare")
    assert [end.status for end in seen.of("END")] == [500, 418, 500]
    first, second, third = seen.of("END")
    assert not second.flags & L.F_FAILED
    assert third.flags & L.F_FAILED
    assert (first.what.route, third.what.route) == ("/raises", "/")


async def cancelled(server):
    app = FastAPI()
    met = []

    @app.get("/wait")
    async def wait():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            met.append(type(error).__name__)
            raise

    request = server.begin(app, "/wait")
    await server.until_open(1)
    request.cancel()
    answer = await request
    return met, answer.error, server.open()


def test_a_cancelled_request_has_failed_and_is_not_open(observe):
    seen = observe(cancelled)
    met, error, still_open = seen.result
    assert met == ["CancelledError"], "the app itself sees it"
    assert error.startswith("CancelledError")
    assert still_open == []
    assert seen.end.flags == L.F_ASYNC | L.F_FAILED


async def shielded(server):
    """An app that answers a cancellation with a response of its own."""

    async def app(scope, receive, send):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b"shutting down"})

    request = server.begin(app)
    await server.until_open(1)
    request.cancel()
    return await request


def test_an_app_may_answer_a_cancellation(observe):
    seen = observe(shielded)
    assert (seen.result.status, seen.result.body, seen.result.error) == (503, b"shutting down", "")
    assert (seen.end.status, seen.end.flags & L.F_FAILED) == (503, 0)


async def closed(server):
    """`aclose`/`close` of a request's coroutine, as an event loop does that shuts down."""
    left = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(3600)
        finally:
            left.append("finally")

    async def send(message): ...

    call = server.load(app)(server.scope("/"), send, send)
    waits_for = call.send(None)
    before = len(server.open())
    call.close()
    waits_for.cancel()
    return before, left, server.open()


def test_a_closed_coroutine_is_closed_inside(observe):
    seen = observe(closed)
    assert seen.result == (1, ["finally"], [])
    assert seen.end.flags & L.F_FAILED


async def silent(server):
    async def app(scope, receive, send):
        await asyncio.sleep(0)

    return await server.get(app)


def test_an_app_that_answers_nothing_has_failed(observe):
    seen = observe(silent)
    assert seen.result == (None, (), b"", "")
    assert seen.end.flags & L.F_FAILED
    assert seen.open == []


async def never_awaited(server):
    async def app(scope, receive, send):
        raise AssertionError("it must not run")

    async def send(message): ...

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "was never awaited": so it is
        call = server.load(app)(server.scope("/"), send, send)
        call.close()
        del call
    return server.open()


def test_a_call_that_is_never_awaited_opens_nothing(observe):
    seen = observe(never_awaited)
    assert seen.result == []
    assert seen.records == []


async def crowd(server):
    """More than the open table holds."""
    gate = asyncio.Event()

    async def app(scope, receive, send):
        await gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    requests = [server.begin(app) for _ in range(L.OPEN + 10)]
    await server.until_open(L.OPEN)
    await asyncio.sleep(0)
    gate.set()
    answers = await asyncio.gather(*requests)
    reader = server.reader()
    overflow = reader.header()[L.W_OPEN_OVERFLOW]
    reader.close()
    return {answer.status for answer in answers}, overflow


def test_more_requests_than_slots_are_counted_and_served(observe):
    seen = observe(crowd)
    assert seen.result == ({200}, 10)
    assert len(seen.of("END")) == L.OPEN + 10
    assert seen.open == []

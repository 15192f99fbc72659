"""What the probe writes of `async def` endpoints: steps, the open table, middlewares."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise

import pytest
from fastapi import FastAPI

from threadscope.probe import layout as L

pytestmark = pytest.mark.integration

NUMBER = (b"x-threadscope-request", b"77")


async def one_step(server):
    app = FastAPI()

    @app.get("/items/{item}")
    async def item(item: int):
        return item

    return [await server.get(app, "/items/3", headers=[NUMBER]) for _ in range(50)]


def test_a_request_of_one_step_is_one_record(observe):
    seen = observe(one_step)
    assert {answer.body for answer in seen.result} == {b"3"}
    ends = seen.of("END")
    assert len(ends) == 50
    short = [end for end in ends if end.z < L.STEP_RECORD_NS // 1000]  # the rest was disturbed
    assert short
    for end in short:
        assert [record.kind for record in seen.records if record.request == end.request] == ["END"]
    end = short[-1]
    assert (end.status, end.n, end.flags) == (200, 1, L.F_ASYNC | L.F_ONLY)
    assert end.y == 77, "our client's number"
    assert end.a < end.t
    what = end.what
    assert (what.method, what.route, what.kind) == ("GET", "/items/{item}", "async def")
    assert what.name == "one_step.<locals>.item"
    assert what.place.startswith("test_probe_endpoints.py:")
    assert seen.open == []
    (loop,) = [cell for cell in seen.cells if cell.role & L.ROLE_LOOP]
    assert (loop.ended, loop.tid, loop.now_request) == (50, end.tid, 0)


async def looks_at_itself(server):
    app = FastAPI()

    @app.get("/self")
    async def itself():
        reader = server.reader()
        (cell,) = [cell for cell in reader.cells() if cell.role & L.ROLE_LOOP]
        found = *cell[:2], reader.text(cell.now_what).split(L.SEPARATOR)[1], cell.now_client
        reader.close()
        return found

    first = await server.get(app, "/self", headers=[NUMBER])
    return json.loads(first.body)


def test_the_step_cell_tells_what_the_loop_runs(observe):
    seen = observe(looks_at_itself)
    assert seen.result == [seen.end.request, seen.end.a, "/self", 77]


async def other_clients(server):
    app = FastAPI()

    @app.get("/")
    async def endpoint(): ...

    for headers in ([], [(b"host", b"x")], [(b"host", b"x"), NUMBER], [NUMBER, (b"host", b"x")]):
        await server.get(app, headers=headers)


def test_our_client_sends_its_number_first(observe):
    """Looking further would cost each request of everybody else."""
    assert [end.y for end in observe(other_clients).of("END")] == [0, 0, 0, 77]


async def awaits(server):
    app = FastAPI()
    gate = asyncio.Event()

    @app.get("/wait/{item}")
    async def wait(item: int):
        await gate.wait()
        return item

    request = server.begin(app, "/wait/3")
    await server.until_open(1)
    open_before = server.open()
    gate.set()
    return open_before, await request, server.open()


def test_a_request_that_waits_is_in_the_open_table_meanwhile(observe):
    seen = observe(awaits)
    before, answer, after = seen.result
    assert before == [(False, "/wait/{item}")]
    assert after == []
    assert answer.body == b"3"
    assert seen.story == ["ENDPOINT", "END"]
    started, end = seen.of("ENDPOINT")[0], seen.end
    assert started.request == end.request
    assert started.a == end.a, "both say when it came"
    assert started.a <= started.t < end.t
    assert started.what == end.what
    assert end.n == 2


async def long_steps(server):
    app = FastAPI()

    @app.get("/burn")
    async def burn():
        for _ in range(3):
            until = time.monotonic_ns() + 3 * L.STEP_RECORD_NS
            while time.monotonic_ns() < until:
                pass
            await asyncio.sleep(0)

    await server.get(app, "/burn")


def test_long_steps_are_recorded_one_by_one(observe):
    seen = observe(long_steps)
    steps = seen.of("STEP")[:3]  # on a busy machine the last one, which returns, may be long too
    assert len(steps) == 3
    first = steps[0].n
    assert [step.n for step in steps] == [first, first + 1, first + 2]
    for step in steps:
        assert step.t - step.a >= 3 * L.STEP_RECORD_NS
    assert all(before.t <= after.a for before, after in pairwise(steps))
    end = seen.end
    assert end.n == 4, "the last one returns"
    assert end.y >= sum((step.t - step.a) // 1000 for step in steps) - 3
    assert end.z >= max((step.t - step.a) // 1000 for step in steps)


async def two_at_a_time(server):
    app = FastAPI()
    gate = asyncio.Event()

    @app.get("/a")
    async def a():
        await gate.wait()

    @app.get("/b")
    async def b():
        await gate.wait()

    requests = [server.begin(app, path) for path in ("/a", "/b", "/a")]
    await server.until_open(3)
    now_open = sorted(route for _, route in server.open())
    gate.set()
    await asyncio.gather(*requests)
    return now_open


def test_requests_that_overlap_are_told_apart(observe):
    seen = observe(two_at_a_time)
    assert seen.result == ["/a", "/a", "/b"]
    assert [end.what.route for end in sorted(seen.of("END"), key=lambda r: r.request)] == [
        "/a",
        "/b",
        "/a",
    ]
    assert len({end.request for end in seen.of("END")}) == 3
    assert seen.open == []


async def eager_middleware(server):
    from starlette.middleware.base import BaseHTTPMiddleware

    app = FastAPI()

    async def middleware(request, call_next):
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=middleware)

    @app.get("/burn/{x}")
    async def burn(x: int):
        until = time.monotonic_ns() + 20 * L.STEP_RECORD_NS
        while time.monotonic_ns() < until:
            pass
        return x

    requests = [server.begin(app, f"/burn/{x}") for x in range(4)]
    return [answer.body for answer in await asyncio.gather(*requests)]


def test_steps_in_the_child_task_of_a_middleware_are_seen(observe):
    """`BaseHTTPMiddleware` runs the endpoint in another task: all are open, one runs at a time."""
    seen = observe(eager_middleware)
    assert seen.result == [b"0", b"1", b"2", b"3"]
    ends = seen.of("END")
    assert len(ends) == 4
    assert {end.what.route for end in ends} == {"/burn/{x}"}
    long = [step for step in seen.of("STEP") if step.t - step.a >= 20 * L.STEP_RECORD_NS]
    last = {step.request: step for step in long}
    assert sorted(last) == sorted(end.request for end in ends)
    assert all(end.z >= 20_000 for end in ends), "the longest step is the endpoint's"
    steps = sorted(seen.of("STEP"), key=lambda step: step.a)
    assert all(one.t <= other.a for one, other in pairwise(steps))
    assert max(end.a for end in ends) < min(step.t for step in last.values()), "all came first"

"""What the probe writes of functions that run on worker threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import Depends, FastAPI

from threadscope.probe import layout as L

pytestmark = pytest.mark.integration


async def plain_def(server):
    app = FastAPI()

    @app.get("/def")
    def endpoint():
        return threading.get_native_id()

    return (await server.get(app, "/def")).body


def test_a_def_endpoint_is_a_hop(observe):
    seen = observe(plain_def)
    tid = int(seen.result)
    assert seen.story == ["ENDPOINT", "HOP_IN", "HOP_OUT", "END"]
    hop_in, hop_out = seen.of("HOP_IN", "HOP_OUT")
    assert hop_in.kind == "HOP_IN"
    assert hop_in.flags == hop_out.flags == L.F_ENDPOINT
    assert hop_in.tid == hop_out.tid == tid
    assert hop_in.a <= hop_in.t == hop_out.a < hop_out.t, "submitted, began, ended"
    assert hop_in.what.name == "plain_def.<locals>.endpoint"
    end = seen.end
    assert end.tid != tid, "the request itself lives on the loop"
    assert (end.what.kind, end.flags & L.F_ASYNC) == ("def", 0)
    (worker,) = [cell for cell in seen.cells if cell.role & L.ROLE_WORKER]
    assert (worker.tid, worker.hops, worker.now_request) == (tid, 1, 0)
    assert worker.name.startswith("AnyIO worker thread")


async def open_on_a_thread(server):
    app = FastAPI()
    inside, leave = threading.Event(), threading.Event()

    @app.get("/def")
    def endpoint():
        inside.set()
        leave.wait()

    request = server.begin(app, "/def")
    await server.until(inside.is_set)
    state = server.open()
    reader = server.reader()
    running = [cell.now_request for cell in reader.cells() if cell.role & L.ROLE_WORKER]
    reader.close()
    leave.set()
    await request
    return state, running


def test_a_request_on_a_thread_says_so(observe):
    seen = observe(open_on_a_thread)
    state, running = seen.result
    assert state == [(L.STATE_THREAD, "/def")]
    assert running == [seen.end.request]


async def no_token_left(server):
    import anyio.to_thread

    app = FastAPI()
    inside, leave = threading.Event(), threading.Event()

    @app.get("/def")
    def endpoint():
        inside.set()
        leave.wait()

    anyio.to_thread.current_default_thread_limiter().total_tokens = 1
    requests = [server.begin(app, "/def") for _ in range(3)]
    await server.until(inside.is_set)
    await server.until_open(3)
    states = sorted(state for state, _ in server.open())
    leave.set()
    await asyncio.gather(*requests)
    return states


def test_requests_without_a_token_are_queued(observe):
    seen = observe(no_token_left)
    assert seen.result == [L.STATE_QUEUED, L.STATE_QUEUED, L.STATE_THREAD]
    outs = seen.of("HOP_OUT")
    ins = sorted(seen.of("HOP_IN"), key=lambda hop: hop.t)
    assert len(outs) == 3
    for earlier, later in zip(sorted(outs, key=lambda hop: hop.t), ins[1:], strict=False):
        assert later.t >= earlier.t, "one token, one at a time"


async def dependency(server):
    app = FastAPI()

    def settings():
        return 7

    @app.get("/both")
    def both(x: int = Depends(settings)):
        return x

    @app.get("/mixed")
    async def mixed(x: int = Depends(settings)):
        return x

    return [(await server.get(app, path)).body for path in ("/both", "/mixed")]


def test_a_sync_dependency_is_a_further_hop(observe):
    seen = observe(dependency)
    assert seen.result == [b"7", b"7"]
    names = [(hop.what.name.rpartition(".")[2], hop.flags) for hop in seen.of("HOP_OUT")]
    assert names == [("settings", 0), ("both", L.F_ENDPOINT), ("settings", 0)]
    both, mixed = seen.of("END")
    assert (both.what.kind, mixed.what.kind) == ("def", "async def")


async def explicit_threads(server):
    app = FastAPI()
    pool = ThreadPoolExecutor(1, "mine")

    def work(x):
        return x + 1

    @app.get("/to_thread")
    async def to_thread():
        return await asyncio.to_thread(work, 1)

    @app.get("/executor")
    async def executor():
        return await asyncio.get_running_loop().run_in_executor(pool, work, 2)

    answers = [(await server.get(app, path)).body for path in ("/to_thread", "/executor")]
    pool.shutdown()
    return answers


def test_other_pools_hop_as_well(observe):
    seen = observe(explicit_threads)
    assert seen.result == [b"2", b"3"]
    first, second = seen.of("HOP_OUT")
    assert first.request < second.request
    assert first.flags == second.flags == 0
    names = {cell.tid: cell.name for cell in seen.cells}
    assert names[first.tid].startswith("asyncio_")
    assert names[second.tid].startswith("mine")
    assert second.what.name == "explicit_threads.<locals>.work"


def test_to_thread_names_the_function_itself(observe):
    """`asyncio.to_thread` wraps it in `partial(Context.run, function)`."""
    assert observe(explicit_threads).of("HOP_OUT")[0].what.name == "explicit_threads.<locals>.work"


async def a_hop_that_raises(server):
    app = FastAPI()

    @app.get("/bad")
    def bad():
        raise KeyError("x")

    return await server.get(app, "/bad")


def test_a_hop_that_raises_has_ended(observe):
    seen = observe(a_hop_that_raises)
    assert seen.result.error == "KeyError: 'x'"
    assert [hop.kind for hop in seen.of("HOP_IN", "HOP_OUT")] == ["HOP_IN", "HOP_OUT"]
    assert seen.end.status == 500

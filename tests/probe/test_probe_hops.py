"""What the probe writes of functions that run on worker threads."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.responses import StreamingResponse

from threadscope.model.records import endpoint as endpoint_of
from threadscope.probe import layout as L

pytestmark = pytest.mark.integration


async def plain_def(server):
    app = FastAPI()

    @app.get("/def")
    def endpoint():
        return threading.get_native_id()

    return (await server.get(app, "/def", headers=[(b"x-threadscope-request", b"77")])).body


def test_a_def_endpoint_is_a_hop(observe):
    seen = observe(plain_def)
    tid = int(seen.result)
    assert seen.story == ["HOP_OUT", "END"], "which says that its endpoint started, and when"
    (hop,) = seen.of("HOP_OUT")
    assert (hop.flags, hop.tid, hop.z) == (L.F_ENDPOINT, tid, 77)
    end = seen.end
    assert end.a <= hop.a - hop.y * 1000 <= hop.a < hop.t <= end.t
    assert hop.what.name == "plain_def.<locals>.endpoint"
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

    request = server.begin(app, "/def", headers=[(b"x-threadscope-request", b"77")])
    await server.until(inside.is_set)
    open_now = [route for _, route in server.open()]
    reader = server.reader()
    (cell,) = [cell for cell in reader.cells() if cell.role & L.ROLE_WORKER]
    what = endpoint_of(reader.text(cell.now_what))
    reader.close()
    leave.set()
    await request
    return open_now, what, cell


def test_the_cell_tells_what_runs_on_a_thread(observe):
    """No record does before the hop has ended."""
    seen = observe(open_on_a_thread)
    open_now, what, cell = seen.result
    assert open_now == ["/def"]
    (hop,) = seen.of("HOP_OUT")
    assert (cell.now_request, cell.now_since, cell.tid) == (hop.request, hop.a, hop.tid)
    assert (cell.now_client, cell.now_flags) == (77, L.F_ENDPOINT)
    assert cell.hops == 0, "it has not ended"
    assert (what.route, what.kind) == ("/def", "def"), "the request's endpoint"


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
    reader = server.reader()
    table, cells = reader.open(), reader.cells()
    reader.close()
    leave.set()
    await asyncio.gather(*requests)
    return table, {cell.now_request for cell in cells}


def test_requests_without_a_token_are_queued(observe):
    seen = observe(no_token_left)
    table, running = seen.result
    assert [entry.request for entry in table] == [1, 2, 3]
    waiting = [entry for entry in table if entry.request not in running]
    assert [bool(entry.since) for entry in waiting] == [True] * 2
    hops = sorted(seen.of("HOP_OUT"), key=lambda hop: hop.a)
    assert len(hops) == 3
    assert all(one.t <= other.a for one, other in pairwise(hops)), "one token, one at a time"
    handed_over = {hop.request: hop.a - hop.y * 1000 for hop in hops}
    for entry in waiting:
        assert 0 <= handed_over[entry.request] - entry.since < 1000, "waited, but for the us"


async def waits_after_its_hop(server):
    """The answer is there, and what is around the app takes its time to send it."""
    inner = FastAPI()
    gate, waits = asyncio.Event(), asyncio.Event()
    inside, leave = threading.Event(), threading.Event()

    @inner.get("/def")
    def endpoint():
        inside.set()
        leave.wait()

    async def app(scope, receive, send):
        async def later(message):
            waits.set()
            await gate.wait()
            await send(message)

        await inner(scope, receive, later)

    request = server.begin(app, "/def")
    await server.until(inside.is_set)
    meanwhile = server.open()
    leave.set()
    await waits.wait()
    await asyncio.sleep(0)
    after = server.open()
    gate.set()
    await request
    return meanwhile, after


def test_a_request_that_waits_after_its_hop_does_not_wait_for_a_thread(observe):
    seen = observe(waits_after_its_hop)
    assert seen.result == ([(True, "/def")], [(False, "/def")])
    assert seen.story == ["HOP_OUT", "END"]
    assert seen.open == []


async def cancelled_while_queued(server):
    """The hop never runs; the app takes its time to answer."""
    import anyio.to_thread

    inner = FastAPI()
    inside, leave = threading.Event(), threading.Event()

    @inner.get("/def")
    def endpoint():
        inside.set()
        leave.wait()

    async def app(scope, receive, send):
        try:
            await inner(scope, receive, send)
        except asyncio.CancelledError:
            until = time.monotonic_ns() + 20 * L.STEP_RECORD_NS
            while time.monotonic_ns() < until:
                pass
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    anyio.to_thread.current_default_thread_limiter().total_tokens = 1
    running = server.begin(app, "/def")
    await server.until(inside.is_set)
    queued = server.begin(app, "/def")
    await server.until_open(2)
    queued.cancel()
    answer = await queued
    leave.set()
    await running
    return answer.status


def test_a_request_that_gives_up_its_hop_holds_the_loop_again(observe):
    seen = observe(cancelled_while_queued)
    assert seen.result == 503
    gave_up, served = seen.of("END")
    assert [hop.request for hop in seen.of("HOP_OUT")] == [served.request]
    assert gave_up.z >= 20_000, "the longest step is its answer"
    assert gave_up.request in {step.request for step in seen.of("STEP")}


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


def test_an_endpoint_that_starts_after_a_wait_says_so_at_once(observe):
    """Its request came before, and had no name then."""
    seen = observe(dependency)
    expected = [["ARRIVE", "HOP_OUT", "ENDPOINT", "HOP_OUT", "END"],
                ["ARRIVE", "HOP_OUT", "ENDPOINT", "END"]]  # fmt: skip
    for end, story in zip(seen.of("END"), expected, strict=True):
        own = [r for r in seen.records if r.request == end.request]
        own = [r for r in own if r.kind not in ("STEP", "STALL")]
        assert [record.kind for record in own] == story
        came, first_hop, started, *_ = own
        assert (came.what.method, came.what.route) == ("GET", "")
        assert came.t == started.a == end.a
        assert first_hop.t <= started.t <= end.t
        assert started.what == end.what


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
    names = {cell.tid: cell.name for cell in server.cells()}  # before their threads end
    pool.shutdown()
    return answers, names


def test_other_pools_hop_as_well(observe):
    seen = observe(explicit_threads)
    answers, names = seen.result
    assert answers == [b"2", b"3"]
    first, second = seen.of("HOP_OUT")
    assert first.request < second.request
    assert first.flags == second.flags == 0
    assert names[first.tid].startswith("asyncio_")
    assert names[second.tid].startswith("mine")
    assert {record.what.route for record in seen.of("END")} == {"/to_thread", "/executor"}
    assert second.what.name == "explicit_threads.<locals>.work"


def test_to_thread_names_the_function_itself(observe):
    """`asyncio.to_thread` wraps it in `partial(Context.run, function)`."""
    assert observe(explicit_threads).of("HOP_OUT")[0].what.name == "explicit_threads.<locals>.work"


def test_an_endpoint_whose_first_wait_is_for_another_hop_has_started(observe):
    """Only the hop of the endpoint itself tells as much as an ENDPOINT would."""
    seen = observe(explicit_threads)
    assert seen.story == ["ENDPOINT", "HOP_OUT", "END"] * 2
    for started, hop in zip(seen.of("ENDPOINT"), seen.of("HOP_OUT"), strict=True):
        assert (started.request, started.flags) == (hop.request, L.F_ASYNC)
        assert started.t <= hop.a


async def a_hop_that_raises(server):
    app = FastAPI()

    @app.get("/bad")
    def bad():
        raise KeyError("x")

    return await server.get(app, "/bad")


def test_a_hop_that_raises_has_ended(observe):
    seen = observe(a_hop_that_raises)
    assert seen.result.error == "KeyError: 'x'"
    (hop,) = seen.of("HOP_OUT")
    assert hop.flags == L.F_ENDPOINT
    (worker,) = [cell for cell in seen.cells if cell.role & L.ROLE_WORKER]
    assert (worker.hops, worker.now_request) == (1, 0)
    assert seen.end.status == 500


TOLD = (L.ARRIVE, L.ENDPOINT, L.HOP_OUT, L.END)
"""What is told of each request; a busy machine may add long steps."""
PATHS = ("/short", "/long", "/raises", "/streams", "/goes-on", "/depends")


async def both_ways(server):
    """Each endpoint twice: by the way of all hops, and by that of most endpoints."""
    app = FastAPI()

    @app.get("/short")
    def short():
        return 1

    @app.get("/long")
    def long():
        time.sleep(0.001)

    @app.get("/raises")
    def raises():
        raise KeyError("x")

    @app.get("/streams")
    def streams():
        return StreamingResponse(iter("abc"))

    @app.get("/goes-on")
    def goes_on(tasks: BackgroundTasks):
        tasks.add_task(asyncio.sleep, 0)

    @app.get("/depends")
    def depends(x: int = Depends(short)):
        return x

    await server.get(app, "/short")  # from here on the pool is known
    from threadscope.probe import state

    loop, told = state.probe.local.loop, []
    usual = loop.run_endpoint
    reader = server.reader()
    for path in PATHS:
        for way in (None, usual):
            loop.take_endpoints(way)
            reader.drain(0)
            await server.get(app, path)
            told.append([record for record in reader.drain(0) if record[L.R_KIND] in TOLD])
    shared, tries = False, 0
    while not shared and tries < 500:  # each of its parts may take long on a busy machine
        tries += 1
        await server.get(app, "/short")
        hop, end = (record for record in reader.drain(0) if record[L.R_KIND] in TOLD)
        shared = hop[L.R_SEQ] == end[L.R_SEQ]
    open_now = reader.open()
    reader.close()
    return told, open_now, shared


def test_both_ways_to_a_thread_tell_the_same(observe):
    told, open_now, shared = observe(both_ways).result
    assert open_now == []
    assert shared, "a short hop and its request's end are one record"
    alike = [
        [(one[L.R_KIND], one[L.R_FLAGS], one[L.R_STATUS], one[L.R_N]) for one in way]
        for way in told
    ]
    assert alike[::2] == alike[1::2]
    for path, way in zip(PATHS, told[1::2], strict=True):
        end = next(one for one in way if one[L.R_KIND] == L.END)
        hop = next(one for one in way if one[L.R_KIND] == L.HOP_OUT)
        assert end[L.R_A] <= hop[L.R_A] - hop[L.R_Y] * 1000 <= hop[L.R_A] < hop[L.R_T], path
        assert end[L.R_STATUS] == (500 if path == "/raises" else 200), path

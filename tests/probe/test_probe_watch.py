"""What the probe's own thread and the loops' heartbeats say."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time

import pytest
from fastapi import Depends, FastAPI

from threadscope.probe import layout as L
from threadscope.probe.watch import STALL_NS

pytestmark = pytest.mark.integration


def records(server):
    reader = server.reader()
    found = [(record, reader.text(record[L.R_X])) for record in reader.drain(time.monotonic_ns())]
    reader.close()
    return found


STEP, HOP, OUTSIDE = "step", "hop", "outside"


def subject(flags, request):
    """What stalls; where no core is free, steps do of which no test speaks."""
    return OUTSIDE if not request else HOP if flags & L.F_STALL_HOP else STEP


def places(server, what):
    """Where stalls were."""
    return [
        place
        for record, place in records(server)
        if record[L.R_KIND] == L.STALL and subject(record[L.R_FLAGS], record[L.R_REQUEST]) == what
    ]


def stalls_of(seen, what):
    return [stall for stall in seen.of("STALL") if subject(stall.flags, stall.request) == what]


def kinds(server, *wanted):
    return [record for record, _ in records(server) if record[L.R_KIND] in wanted]


async def beats(server):
    app = FastAPI()
    await server.get(app)
    both = {L.F_LAG_LOOP, L.F_LAG_GIL}
    await server.until(lambda: {r[L.R_FLAGS] for r in kinds(server, L.LAG)} == both)
    return threading.get_native_id()


def test_both_heartbeats_beat(observe):
    seen = observe(beats)
    loop_lags = [r for r in seen.others if r.kind == "LAG" and r.flags == L.F_LAG_LOOP]
    assert {lag.tid for lag in loop_lags} == {seen.result}


async def stalls(server):
    app = FastAPI()
    seen = threading.Event()

    def look():
        while not places(server, STEP):
            time.sleep(0.01)
        seen.set()

    @app.get("/slow")
    async def slow():
        while not seen.is_set():  # holds the event loop until the probe has said so
            pass

    threading.Thread(target=look, daemon=True).start()
    await server.get(app, "/slow")
    return places(server, STEP)


def test_a_long_step_is_named_with_its_place(observe):
    seen = observe(stalls)
    (stall,) = stalls_of(seen, STEP)
    assert stall.request == seen.end.request
    assert stall.what.route == "/slow"
    (place,) = seen.result
    assert place.startswith("test_probe_watch.py:"), "the app's own code, not a library's"
    step = max(seen.of("STEP"), key=lambda one: one.t - one.a)
    assert stall.a == step.a, "since the step's begin"
    assert step.a < stall.t


async def pools(server):
    import anyio
    import anyio.to_thread

    app = FastAPI()
    own = anyio.CapacityLimiter(3)

    @app.get("/default")
    def default(): ...

    @app.get("/own")
    async def with_own():
        await anyio.to_thread.run_sync(lambda: None, limiter=own)

    await server.get(app, "/default")
    for _ in range(2):  # used again: it is no limiter of a single request
        await server.get(app, "/own")
    await server.until(lambda: len({r[L.R_REQUEST] for r in kinds(server, L.LIMITER)}) == 2)


def test_threadpools_are_sampled_in_their_own_words(observe):
    seen = observe(pools)
    tokens = {limiter.x for limiter in seen.others if limiter.kind == "LIMITER"}
    assert tokens == {40, 3}


async def limiters_of_requests(server):
    app = FastAPI()

    def session():
        yield 1

    @app.get("/")
    async def root(one: int = Depends(session)): ...

    for _ in range(50):
        await server.get(app, "/")
    from threadscope.probe import state

    gc.collect()
    return len(state.probe.limiters), len(state.probe.limiters_met)


def test_limiters_of_single_requests_are_no_threadpools_and_are_let_go(observe):
    """FastAPI makes one for each request whose `def` dependency has a `yield`."""
    pools, met = observe(limiters_of_requests).result
    assert pools == 1, "the default one"
    assert met < 5


async def reused(server):
    """Two threads one after the other: pthread may give the second one the first one's identity."""
    from threadscope.probe import state

    probe = state.current()
    leave = threading.Event()

    def start(stay):
        begun = threading.Event()

        def work():
            probe.cell(L.ROLE_WORKER)
            begun.set()
            if stay:
                leave.wait()

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        return thread

    for _ in range(50):
        first = start(False)
        first.join()
        second = start(True)
        if first.ident == second.ident:
            break
    else:
        return None
    named = asyncio.Event()  # two rounds of names, at one a second, lie between these
    asyncio.get_running_loop().call_later(2.5, named.set)

    def ended():
        return [c.tid for c in probe.ring.cells() if c.tid == first.native_id]

    await server.until(lambda: not ended() or named.is_set())
    left = ended()
    leave.set()
    return left


def test_the_cell_of_an_ended_thread_is_given_back(observe):
    """Otherwise its row lives on, for as long as the thread that inherited its identity."""
    left = observe(reused).result
    if left is None:
        pytest.skip("this C library does not reuse a thread's identity")
    assert left == []


async def after_a_fork(server):
    return fork()


def fork():
    from threadscope.probe import state

    parent = state.current()
    pid = os.fork()
    if pid == 0:
        child = state.current()
        names = {thread.name for thread in threading.enumerate()}
        fine = child.ring.path != parent.ring.path and "threadscope probe" in names
        os._exit(0 if fine else 1)
    _, status = os.waitpid(pid, 0)
    return status, state.current() is parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_a_watch_of_its_own(observe):
    assert observe(after_a_fork).result == (0, True)


async def slow_hop(server):
    app = FastAPI()
    seen = threading.Event()

    def look():
        while not places(server, HOP):
            time.sleep(0.01)
        seen.set()

    @app.get("/slow-hop")
    def slow():
        seen.wait()  # until the probe has said where it is

    threading.Thread(target=look, daemon=True).start()
    await server.get(app, "/slow-hop")
    return places(server, HOP)


def test_a_long_hop_is_named_with_its_place_once(observe):
    seen = observe(slow_hop)
    (stall,) = stalls_of(seen, HOP)
    assert stall.what.route == "/slow-hop"
    (place,) = seen.result
    assert place.endswith("in slow()"), "the app's own code, not the library it waits in"


async def refreshes(server):
    """A task of the app's own holds the loop until the probe has said so, and one of a request."""
    app = FastAPI()

    @app.get("/quick")
    async def quick(): ...

    first, second = threading.Event(), threading.Event()

    def look():
        for name, event in (("refresh()", first), ("child()", second)):
            while not any(place.endswith(name) for place in places(server, OUTSIDE)):
                time.sleep(0.01)
            event.set()

    async def refresh():
        while not first.is_set():
            pass

    async def child():
        while not second.is_set():
            pass

    @app.get("/children")
    async def children():
        await asyncio.gather(child())

    await server.get(app, "/quick")
    await server.until(lambda: L.F_LAG_LOOP in {r[L.R_FLAGS] for r in kinds(server, L.LAG)})
    threading.Thread(target=look, daemon=True).start()
    await asyncio.create_task(refresh())
    await server.get(app, "/children")


def test_what_holds_the_loop_outside_of_any_request_is_named(observe):
    """It has ended: so both were named."""
    seen = observe(refreshes)
    outside = stalls_of(seen, OUTSIDE)
    assert len(outside) >= 2
    assert {stall.tid for stall in outside} == {seen.of("END")[0].tid}
    assert all(stall.a + STALL_NS <= stall.t for stall in outside), "since its beat was due"


async def before_any_request(server):
    """What an app does while it starts makes nobody wait."""
    app = FastAPI(lifespan=None)
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    calls = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(calls)

    async def send(message): ...

    await server.load(app)(scope, receive, send)
    await server.until(lambda: kinds(server, L.LAG))
    end = time.monotonic() + 0.5
    while time.monotonic() < end:  # holds the loop
        pass
    beats = len(kinds(server, L.LAG))
    await server.until(lambda: len(kinds(server, L.LAG)) > beats + 2)


def test_a_loop_that_has_served_nobody_yet_is_not_looked_at(observe):
    assert observe(before_any_request).of("STALL") == []

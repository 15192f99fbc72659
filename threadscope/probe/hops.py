"""Hops: functions that run on a worker thread for a request, whichever pool the thread is of."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from time import monotonic_ns as now
from time import thread_time_ns as cpu
from typing import Any

from . import compiled, watch
from .layout import (
    F_ENDPOINT,
    HOP_BEGINS,
    HOP_OUT,
    O_SINCE,
    ROLE_WORKER,
    SHORT_HOP_NS,
)
from .names import innermost
from .requests import BY_LOOP, BY_THREAD, FIRST, OPEN, READ_STEP_NS, U32, Request
from .ring import READ_AGAIN_NS, Cell
from .state import CURRENT, Probe

MAX_NS = U32 * 1000
_begins = HOP_BEGINS.pack_into


def telling(probe: Probe) -> Callable[[Any, Request, int, int, int], None]:
    """What writes of an endpoint's hop that the event loop does not tell of."""

    def told(cell: Cell, request: Request, begin: int, wall: int, waited: int) -> None:
        used = wall
        if wall > READ_STEP_NS:  # as with steps: a shorter one is taken to be all CPU
            used = cell.lap(begin + wall, wall)
        probe.put(HOP_OUT, F_ENDPOINT, 0, cell.tid, request.id, begin + wall, begin,
                  min(used, MAX_NS) // 1000, min(waited, MAX_NS) // 1000, request.client,
                  request.named[4])  # fmt: skip

    return told


def running(probe: Probe) -> Callable[[Request, Callable[[], Any], int], Any]:
    """What runs the endpoints of one event loop on worker threads.

    It does what `_run` does, for a function without arguments, as FastAPI hands it over. A hop that
    is short is told by the event loop, together with the request's end: on a thread that has just
    woken up each instruction costs twice as much.
    """
    words, whole, local, error = probe.words, probe.map, probe.local, probe.ring.error
    told = telling(probe)

    def run(request: Request, endpoint: Callable[[], Any], submitted: int) -> Any:
        try:
            cell = local.cell
        except AttributeError:
            try:
                cell = probe.cell(ROLE_WORKER)
            except Exception:  # the app's function comes first
                error()
                return endpoint()
        begin = now()
        _begins(whole, cell.begin, cell.next_hop(), begin, request.named[5], request.client,
                request.id)  # fmt: skip
        if begin > cell.read_again:
            cell.cpu, cell.read_again = cpu(), begin + READ_AGAIN_NS
        try:
            return endpoint()
        finally:
            try:
                wall = now() - begin
                words[cell.now] = 0
                if wall <= SHORT_HOP_NS and request.on_thread == BY_LOOP:
                    request.hop = cell.tid, begin, wall
                    request.on_thread = 0
                else:
                    request.hop, request.on_thread = None, 0
                    told(cell, request, begin, wall, begin - submitted)
            except Exception:
                error()

    return run


def hop(request: Request, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function on its way to a worker thread: called there, it is run and timed."""
    submitted, label, flags = now(), request.named[4], F_ENDPOINT
    if not request.own:
        inner = innermost(function)
        if inner is not request.named[2]:
            label, flags = request.loop.probe.names.function(inner), 0
    request.own = False
    if flags:
        request.on_thread, request.submitted = BY_THREAD, submitted
    elif request.state == FIRST:  # its thread may be faster than the end of this step
        request.loop.books.opens(request, submitted - request.arrived)
        request.steps = request.held = 0
    if request.state == OPEN and request.slot:
        request.loop.words[request.slot + O_SINCE] = submitted
    return partial(_run, request, function, submitted, label, flags)


def _run(
    request: Request, function: Callable[..., Any], submitted: int, label: int, flags: int,
    /, *args: Any, **kwargs: Any,
) -> Any:  # fmt: skip
    """On the worker thread."""
    probe = request.loop.probe
    words = probe.words
    try:
        cell = probe.local.cell
    except AttributeError:
        try:
            cell = probe.cell(ROLE_WORKER)
        except Exception:  # the app's function comes first
            probe.ring.error()
            return function(*args, **kwargs)
    begin = now()
    _begins(probe.map, cell.begin, cell.next_hop(), begin, request.named[0] | flags << 48,
            request.client, request.id)  # fmt: skip
    if begin > cell.read_again:
        cell.cpu, cell.read_again = cpu(), begin + READ_AGAIN_NS
    try:
        return function(*args, **kwargs)
    finally:
        try:
            used = wall = now() - begin
            words[cell.now] = 0
            waited = begin - submitted
            if wall > READ_STEP_NS:  # as with steps: a shorter one is taken to be all CPU
                used = cell.lap(begin + wall, wall)
            if flags:
                request.hop, request.on_thread = None, 0
            elif request.state == OPEN:
                slot = request.slot  # once: the loop may close it meanwhile
                if slot:
                    words[slot + O_SINCE] = 0
            if wall > MAX_NS or waited > MAX_NS:  # more than an hour
                used, waited = min(used, MAX_NS), min(waited, MAX_NS)
            seq = probe.claim()  # `put`, in place
            probe.pack(probe.map, probe.records_at + seq % probe.slots * 64, seq, HOP_OUT, flags,
                       0, cell.tid, request.id, begin + wall, begin, used // 1000, waited // 1000,
                       request.client, label, 0, seq)  # fmt: skip
        except Exception:
            probe.ring.error()


def patch_anyio(module: Any) -> None:
    """Sees what goes through AnyIO's worker threads."""
    original, current = module.run_sync, CURRENT.get

    def run_sync(func: Any, *args: Any, **kwargs: Any) -> Any:
        request = current()
        if request is not None:
            if request.own and not (kwargs or args or request.state):
                run = request.loop.run_endpoint
                if run is not None:  # `hop`, in place: this is the way of each `def` endpoint
                    request.own, request.on_thread = False, BY_THREAD
                    request.submitted = t = now()
                    return original(partial(run, request, func, t))
            if "limiter" in kwargs or not request.loop.pool_known:
                _learn_pool(module, request, kwargs.get("limiter"))
            try:
                func = hop(request, func)
            except Exception:
                request.loop.probe.ring.error()
        return original(func, *args, **kwargs)

    native, hook = compiled.load(), run_sync
    if native is not None:
        hook = native.HopHook(original, run_sync, current)
    module.run_sync = stand_in(hook, original)


def _learn_pool(module: Any, request: Request, own: Any) -> None:
    """A limiter can only be looked up on its loop, and that costs: done once."""
    probe = request.loop.probe
    try:
        if own is not None:
            watch.know_limiter(probe, own, "own")
        elif not request.loop.pool_known:
            request.loop.pool_known = True
            request.loop.take_endpoints(running(probe))
            default = module.current_default_thread_limiter()
            watch.know_limiter(probe, default, "default")
    except Exception:
        probe.ring.error()


def patch_executor(module: Any) -> None:
    """Sees `asyncio.to_thread` and `run_in_executor`: both end in `submit`, on uvloop too."""
    original = module.ThreadPoolExecutor.submit

    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        request = CURRENT.get()
        if request is not None:
            try:
                fn = hop(request, fn)
            except Exception:
                request.loop.probe.ring.error()
        return original(self, fn, *args, **kwargs)

    module.ThreadPoolExecutor.submit = stand_in(submit, original)


def stand_in(function: Any, original: Any) -> Any:
    """Names the stand-in like the original, for tracebacks and documentation."""
    function.__name__, function.__qualname__ = original.__name__, original.__qualname__
    function.__doc__, function.__wrapped__ = original.__doc__, original
    function.__module__ = original.__module__
    if inspect.iscoroutinefunction(original):
        mark(function)
    return function


def mark(function: Any) -> None:
    """Says of a function that makes coroutines that it is like an `async def`."""
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(function)
    else:
        function._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)

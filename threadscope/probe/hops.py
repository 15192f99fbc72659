"""Hops: functions that run on a worker thread for a request, whichever pool the thread is of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import watch
from .layout import (
    C_HOPS,
    F_ENDPOINT,
    HOP_OUT,
    O_SINCE,
    O_STATE,
    ROLE_WORKER,
    STATE_AWAITING,
    STATE_QUEUED,
)
from .names import innermost
from .requests import READ_STEP_NS, U32, Request
from .ring import READ_AGAIN_NS
from .state import CURRENT

now = time.monotonic_ns
cpu = time.thread_time_ns
MAX_NS = U32 * 1000


def hop(request: Request, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function on its way to a worker thread: called there, it is run and timed."""
    submitted, probe = now(), request.probe
    inner = innermost(function)
    own = inner is request.named[2]
    if request.opened:
        if request.slot:
            words, slot = probe.words, request.slot
            words[slot + O_STATE], words[slot + O_SINCE] = STATE_QUEUED, submitted
    elif not request.reported:
        request.open(submitted, own)
    what, flags, identity, client = request.named[0], 0, request.id, request.client
    if own:
        label, flags = request.named[4], F_ENDPOINT
        if request.opened:
            request.on_thread = True
    else:
        label = probe.names.function(inner)
    running = what | client << 16 | flags << 48

    def run(*args: Any, **kwargs: Any) -> Any:
        words = probe.words
        try:
            cell = probe.local.cell
        except AttributeError:
            try:
                cell = probe.cell(ROLE_WORKER)
            except Exception:  # the app's function comes first
                probe.ring.error()
                return function(*args, **kwargs)
        at = cell.at
        begin = words[at + 1] = now()  # NOW_SINCE, NOW_WHAT, then NOW_REQUEST
        words[at + 2] = running
        words[at] = identity
        if begin > cell.read_again:
            cell.cpu, cell.read_again = cpu(), begin + READ_AGAIN_NS
        try:
            return function(*args, **kwargs)
        finally:
            try:
                used = wall = now() - begin
                words[at] = 0
                words[at + C_HOPS] += 1
                if wall > READ_STEP_NS:  # as with steps: a shorter one is taken to be all CPU
                    used = cell.lap(begin + wall, wall)
                if request.opened:
                    slot = request.slot  # once: the loop may close it meanwhile
                    if slot:
                        words[slot + O_STATE] = STATE_AWAITING
                    if flags:
                        request.on_thread = False
                waited = begin - submitted
                if wall > MAX_NS or waited > MAX_NS:  # more than an hour
                    used, waited = min(used, MAX_NS), min(waited, MAX_NS)
                seq = probe.claim()  # `put`, in place
                probe.pack(probe.map, probe.records_at + seq % probe.slots * 64, seq, HOP_OUT,
                           flags, 0, cell.tid, identity, begin + wall, begin, used // 1000,
                           waited // 1000, client, label, 0, seq)  # fmt: skip
            except Exception:
                probe.ring.error()

    return run


def observed(function: Callable[..., Any], request: Request | None) -> Callable[..., Any]:
    """The function as a hop of a request; itself where there is none. Never raises."""
    if request is None:
        return function
    try:
        return hop(request, function)
    except Exception:
        request.probe.ring.error()
        return function


def patch_anyio(module: Any) -> None:
    """Sees what goes through AnyIO's worker threads."""
    original = module.run_sync

    def run_sync(func: Any, *args: Any, **kwargs: Any) -> Any:
        request = CURRENT.get()
        if request is not None and ("limiter" in kwargs or not request.loop.pool_known):
            _learn_pool(module, request, kwargs.get("limiter"))
        return original(observed(func, request), *args, **kwargs)

    module.run_sync = stand_in(run_sync, original)


def _learn_pool(module: Any, request: Request, own: Any) -> None:
    """A limiter can only be looked up on its loop, and that costs: done once."""
    try:
        if own is not None:
            watch.know_limiter(request.probe, own, "own")
        elif not request.loop.pool_known:
            request.loop.pool_known = True
            default = module.current_default_thread_limiter()
            watch.know_limiter(request.probe, default, "default")
    except Exception:
        request.probe.ring.error()


def patch_executor(module: Any) -> None:
    """Sees `asyncio.to_thread` and `run_in_executor`: both end in `submit`, on uvloop too."""
    original = module.ThreadPoolExecutor.submit

    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(self, observed(fn, CURRENT.get()), *args, **kwargs)

    module.ThreadPoolExecutor.submit = stand_in(submit, original)


def stand_in(function: Any, original: Any) -> Any:
    """Names the stand-in like the original, for tracebacks and documentation."""
    function.__name__, function.__qualname__ = original.__name__, original.__qualname__
    function.__doc__, function.__wrapped__ = original.__doc__, original
    function.__module__ = original.__module__
    return function

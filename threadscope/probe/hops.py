"""Hops: functions that run on a worker thread for a request, whichever pool the thread is of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import layout as L
from . import watch
from .names import innermost
from .requests import U32, Request
from .state import CURRENT

now = time.monotonic_ns
cpu = time.thread_time_ns


class Hop:
    """A function on its way to a worker thread; called there, it runs the function and times it."""

    __slots__ = ("_before", "_begin", "_cell", "_flags", "_function", "_outer", "_request",
                 "_submitted", "_what")  # fmt: skip

    def __init__(self, request: Request, function: Callable[..., Any]) -> None:
        self._request, self._function = request, function
        self._submitted = now()
        inner = innermost(function)
        self._what = request.probe.names.function(inner)
        self._flags = L.F_ENDPOINT if inner is request.endpoint else 0
        self._begin = 0
        slot = request.slot
        if slot:
            words = request.probe.words
            words[slot + L.O_STATE], words[slot + L.O_SINCE] = L.STATE_QUEUED, self._submitted

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs on the worker thread."""
        self._in()
        try:
            return self._function(*args, **kwargs)
        finally:
            self._out()

    def _in(self) -> None:
        request = self._request
        probe = request.probe
        try:
            cell = self._cell = probe.cell(L.ROLE_WORKER)
            words, at, slot = probe.words, cell.at, request.slot
            words[at + L.C_ROLE] |= L.ROLE_WORKER
            self._outer = words[at + L.C_NOW_REQUEST]
            self._begin = begin = now()
            words[at + L.C_NOW_SINCE] = begin
            words[at + L.C_NOW_WHAT] = request.what
            words[at + L.C_NOW_REQUEST] = request.id
            if slot:
                words[slot + L.O_SINCE], words[slot + L.O_TID] = begin, cell.tid
                words[slot + L.O_STATE] = L.STATE_THREAD
            probe.put(L.HOP_IN, self._flags, 0, cell.tid, request.id, begin, self._submitted,
                      0, 0, 0, self._what)  # fmt: skip
            self._before = cpu()
        except Exception:
            probe.ring.error()

    def _out(self) -> None:
        request = self._request
        probe = request.probe
        try:
            if not self._begin:
                return
            used, t, cell = cpu() - self._before, now(), self._cell
            words, at, slot = probe.words, cell.at, request.slot
            words[at + L.C_NOW_REQUEST] = self._outer
            words[at + L.C_HOPS] += 1
            words[at + L.C_HOP_CPU] += used
            if slot and words[slot + L.O_REQUEST] == request.id:
                words[slot + L.O_STATE], words[slot + L.O_SINCE] = L.STATE_AWAITING, t
            waited = (self._begin - self._submitted) // 1000
            probe.put(L.HOP_OUT, self._flags, 0, cell.tid, request.id, t, self._begin,
                      min(used // 1000, U32), min(waited, U32), 0, self._what)  # fmt: skip
        except Exception:
            probe.ring.error()


def observed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a hop of the current request; itself when there is none. Never raises."""
    request = CURRENT.get()
    if request is None:
        return function
    try:
        return Hop(request, function)
    except Exception:
        request.probe.ring.error()
        return function


def patch_anyio(module: Any) -> None:
    """Sees what goes through AnyIO's worker threads."""
    original = module.run_sync

    def run_sync(func: Any, *args: Any, **kwargs: Any) -> Any:
        hop = observed(func)
        if hop is not func:
            try:
                limiter = kwargs.get("limiter") or module.current_default_thread_limiter()
                watch.know_limiter(CURRENT.get().probe, limiter, kwargs.get("limiter") is None)
            except Exception:
                CURRENT.get().probe.ring.error()
        return original(hop, *args, **kwargs)

    module.run_sync = stand_in(run_sync, original)


def patch_executor(module: Any) -> None:
    """Sees `asyncio.to_thread` and `run_in_executor`: both end in `submit`, on uvloop too."""
    original = module.ThreadPoolExecutor.submit

    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(self, observed(fn), *args, **kwargs)

    module.ThreadPoolExecutor.submit = stand_in(submit, original)


def stand_in(function: Any, original: Any) -> Any:
    """Names the stand-in like the original, for tracebacks and documentation."""
    function.__name__, function.__qualname__ = original.__name__, original.__qualname__
    function.__doc__, function.__wrapped__ = original.__doc__, original
    function.__module__ = original.__module__
    return function

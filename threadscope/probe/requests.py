"""Requests and their steps: an ASGI wrapper that times each run of the request's coroutine.

This is the hot path of every request of the server: it takes no lock and makes no system call
but the two readings of the thread's CPU clock a step.
"""

from __future__ import annotations

import time
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from . import layout as L
from . import state, watch
from .names import Scope
from .state import CURRENT, Probe

Send = Callable[[Any], Awaitable[None]]
U32 = 0xFFFFFFFF

now = time.monotonic_ns
cpu = time.thread_time_ns


class Request:
    """One request from its arrival to its end."""

    __slots__ = (
        "_reply", "_scope", "_words", "arrived", "at", "cpu", "ended", "endpoint", "flags", "held",
        "id", "longest", "probe", "reported", "routed", "slot", "started", "status", "steps", "tid",
        "what",
    )  # fmt: skip

    def __init__(self, probe: Probe, scope: Scope, send: Send, t: int) -> None:
        loop = probe.loop()
        if t > loop.beat_due:
            watch.start_beat(probe, loop, t)
        cell = loop.cell
        words = self._words = probe.words
        self.probe, self._scope, self._reply = probe, scope, send
        self.id = identity = probe.next_request()
        self.at, self.tid, self.arrived = cell.at, cell.tid, t
        self.cpu = self.held = self.longest = self.steps = 0
        self.ended = self.status = self.flags = 0
        self.reported = self.routed = self.started = False
        self.endpoint = None
        self.what = what = probe.names.path(scope["method"], "")
        client = 0
        for name, value in scope["headers"]:
            if name == L.CLIENT_HEADER:
                client = int(value) & 0xFFFFFFFFFFFFFFFF
                break
        self.slot = slot = probe.ring.open_slot()
        if slot:
            words[slot + L.O_ARRIVED] = words[slot + L.O_SINCE] = t
            words[slot + L.O_WHAT] = what
            words[slot + L.O_STATE] = L.STATE_LOOP
            words[slot + L.O_TID] = cell.tid
            words[slot + L.O_CLIENT_REQUEST] = client
            words[slot + L.O_REQUEST] = identity
        words[cell.at + L.C_STARTED] += 1
        probe.put(L.ARRIVE, 0, 0, cell.tid, identity, t, client, 0, 0, 0, what)

    def send(self, message: Any) -> Awaitable[None]:
        """Stands in for the server's `send`; returns what that returns."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
        elif kind == "http.response.body" and not message.get("more_body"):
            return self._send_last(message)
        return self._reply(message)

    async def _send_last(self, message: Any) -> None:
        await self._reply(message)
        self.ended = self.ended or now()

    def route(self, route: Any, scope: Scope) -> None:
        """The router has chosen: from here on the request has a name."""
        self.routed = True
        self.what, self.flags, self.endpoint = self.probe.names.endpoint(route, scope)
        if self.slot:
            self._words[self.slot + L.O_WHAT] = self.what
        self._words[self.at + L.C_NOW_WHAT] = self.what

    def start(self) -> None:
        """The endpoint's own code is about to run."""
        self.started = True
        self.probe.put(
            L.ENDPOINT, self.flags, 0, self.tid, self.id, now(), self.arrived, 0, 0, 0, self.what
        )

    def on_loop(self) -> bool:
        """Whether a timed step of this request runs now."""
        running: int = self._words[self.at + L.C_NOW_REQUEST]
        return running == self.id

    def step_begins(self, t: int) -> None:
        """Fills the step cell: a frozen loop can be named from outside."""
        words, at, slot = self._words, self.at, self.slot
        words[at + L.C_NOW_SINCE] = t
        words[at + L.C_NOW_WHAT] = self.what
        words[at + L.C_NOW_REQUEST] = self.id
        if slot:
            words[slot + L.O_STATE] = L.STATE_LOOP
            words[slot + L.O_SINCE] = t

    def step_ended(self, begin: int, cpu_ns: int) -> None:
        """Books one uninterrupted run on the event loop. Never raises."""
        try:
            words, slot = self._words, self.slot
            t = now()
            words[self.at + L.C_NOW_REQUEST] = 0
            wall = t - begin
            self.steps += 1
            self.held += wall
            self.cpu += cpu_ns
            if wall > self.longest:
                self.longest = wall
            if wall >= L.STEP_RECORD_NS:
                self.probe.put(
                    L.STEP, self.flags, 0, self.tid, self.id, t, begin,
                    min(cpu_ns // 1000, U32), 0, 0, self.what, min(self.steps, 0xFFFF),
                )  # fmt: skip
            if self.ended and not self.reported:
                self.report()
            elif slot and words[slot + L.O_STATE] == L.STATE_LOOP:
                words[slot + L.O_STATE] = L.STATE_AWAITING
                words[slot + L.O_SINCE] = t
        except Exception:
            self.probe.ring.error()

    def report(self) -> None:
        """Writes the END record and closes the slot."""
        self.reported = True
        words, at = self._words, self.at
        if not self.routed:
            self.what = self.probe.names.unmatched(self._scope)
        self._scope = {}
        self.probe.ring.close_slot(self.slot)
        self.slot = 0
        words[at + L.C_LOOP_CPU] += self.cpu
        words[at + L.C_ENDED] += 1
        self.probe.put(
            L.END, self.flags, self.status & 0xFFFF, self.tid, self.id, self.ended, self.arrived,
            min(self.cpu // 1000, U32), min(self.held // 1000, U32),
            min(self.longest // 1000, U32), self.what, min(self.steps, 0xFFFF),
        )  # fmt: skip

    def returned(self, failed: bool) -> None:
        """The ASGI call is over: reports what its last message did not. Never raises."""
        try:
            if not self.reported:
                if failed or not self.ended:
                    self.flags |= L.F_FAILED
                    self.status = self.status or 500  # what the server answers for the app
                self.ended = self.ended or now()
                self.report()
        except Exception:
            self.probe.ring.error()


@types.coroutine
def drive(coro: Any, request: Request) -> Generator[Any, Any, Any]:
    """Runs a coroutine as `await` would, and times each of its steps.

    A step that runs inside another one (an eager child task) belongs to the outer one.
    """
    words, now_request = request.probe.words, request.at + L.C_NOW_REQUEST
    resume, value = coro.send, None
    while True:
        nested = words[now_request]
        if not nested:
            begin = now()
            request.step_begins(begin)
            before = cpu()
        try:
            waits_for = resume(value)
        except StopIteration as stop:
            return stop.value
        finally:
            if not nested:
                request.step_ended(begin, cpu() - before)
        try:
            value = yield waits_for
            resume = coro.send
        except GeneratorExit:
            coro.close()
            raise
        except BaseException as error:  # a cancellation, for one: it is the app's
            resume, value = coro.throw, error


class Observed:
    """An ASGI app with its requests observed. Everything else of the app shows through."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)

    # `async def`, because uvicorn takes an app with a plain `__call__` for ASGI 2
    async def __call__(self, scope: Scope, receive: Any, send: Send) -> Any:
        """Serves as the app does."""
        request = _arrival(scope, send)
        if request is None:
            return await self.app(scope, receive, send)
        CURRENT.set(request)  # not reset: the server gives each request a context of its own
        failed = True
        try:
            result = await drive(self.app(scope, receive, request.send), request)
            failed = False
            return result
        finally:
            request.returned(failed)


def _arrival(scope: Scope, send: Send) -> Request | None:
    """A new request, or None: no monitor is there, or it is no HTTP request. Never raises."""
    probe = None
    try:
        probe = state.current()
        if probe is not None:
            t = now()
            if scope["type"] == "http":
                return None if probe.asleep(t) else Request(probe, scope, send, t)
            if scope["type"] == "lifespan":
                watch.start_beat(probe, probe.loop(), t)
    except Exception:
        if probe is not None:
            probe.ring.error()
    return None

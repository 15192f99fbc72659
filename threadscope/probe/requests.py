"""Requests and their steps: an ASGI wrapper that times each run of the request's coroutine.

This is the hot path of every request of the server: it takes no lock, and its only system call is
one reading of the thread's CPU clock a step. Hence constants by name and writes in place.
"""

from __future__ import annotations

import asyncio
import inspect
import struct
import time
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from . import state, watch
from .layout import (
    ARRIVE,
    C_ENDED,
    C_LOOP_CPU,
    C_NOW_WHAT,
    CLIENT_HEADER,
    END,
    ENDPOINT,
    F_FAILED,
    F_ONLY,
    O_WHAT,
    OPEN_SLOT,
    SLEEP_AFTER_NS,
    STEP,
    STEP_RECORD_NS,
    W_HEARTBEAT,
)
from .names import Scope
from .state import CURRENT, Loop, Probe

Send = Callable[[Any], Awaitable[None]]
U16, U32 = 0xFFFF, 0xFFFFFFFF
READ_STEP_NS = 100_000
READ_AGAIN_NS = 1_000_000

now = time.monotonic_ns
cpu = time.thread_time_ns
_pack_slot = OPEN_SLOT.pack_into


class Request:
    """One request from its arrival to its end.

    Most requests of an `async def` end in their first step. Such a request writes one record, its
    END; that it runs now is told by the step cell. One that waits gets a slot of the open table
    and says at its first wait that it came, or that its endpoint has started.
    """

    __slots__ = (
        "arrived", "client", "cpu", "ended", "endpoint", "flags", "held", "id", "longest", "loop",
        "opened", "probe", "reply", "reported", "scope", "slot", "started", "status", "steps",
        "what",
    )  # fmt: skip

    def __init__(self, probe: Probe, loop: Loop, scope: Scope, send: Send, arrived: int) -> None:
        self.probe, self.loop, self.scope, self.reply = probe, loop, scope, send
        self.arrived = arrived
        self.id = probe.next_request()
        self.ended = self.status = self.flags = self.what = self.slot = self.started = 0
        self.steps = self.held = self.cpu = self.longest = 0
        self.opened = self.reported = False
        self.endpoint: Any = None  # the function that answers it, once the router has chosen
        self.client = 0
        for name, value in scope["headers"]:
            if name == CLIENT_HEADER:
                self.client = int(value) & U32
                break

    def send(self, message: Any) -> Awaitable[None]:
        """Stands in for the server's `send`; returns what that returns."""
        if message["type"] == "http.response.body":
            if not message.get("more_body"):
                self.ended = now()
        else:
            self.status = message.get("status", 0)
        return self.reply(message)

    def start(self) -> None:
        """The endpoint's own code is about to run: from here on the request has a name."""
        self.started = now()
        probe = self.probe
        self.what, self.flags, self.endpoint = probe.names.endpoint(self.scope)
        probe.words[self.loop.at + C_NOW_WHAT] = self.what | self.client << 16
        if self.slot or self.started - self.arrived > STEP_RECORD_NS:
            self._say_started()

    def _say_started(self) -> None:
        if self.slot:
            self.probe.words[self.slot + O_WHAT] = self.what
        self.probe.put(ENDPOINT, self.flags, 0, self.loop.tid, self.id, self.started,
                       self.arrived, self.client, 0, 0, self.what, 0)  # fmt: skip

    def open(self) -> int:
        """It is about to wait for the first time: from here on the open table has it.

        Returns:
            Its slot there, 0 when the table is full.
        """
        self.opened = True
        probe = self.probe
        self.slot = slot = probe.ring.open_slot()
        if slot:
            _pack_slot(probe.map, slot << 3, self.id, self.arrived, self.what, 0, 0, 0,
                       self.client, 0)  # fmt: skip
        if self.started:
            self._say_started()
        else:
            what = probe.names.path(self.scope["method"], "")
            probe.put(ARRIVE, 0, 0, self.loop.tid, self.id, self.arrived, 0, self.client, 0, 0,
                      what, 0)  # fmt: skip
        return slot

    def step_ended(self, begin: int, wall: int, last: bool) -> None:
        """Books a run on the event loop. Never raises."""
        try:
            loop, used = self.loop, wall
            if wall > READ_STEP_NS:
                before, loop.cpu = loop.cpu, cpu()
                used = min(loop.cpu - before, wall)
                loop.read_again = begin + wall + READ_AGAIN_NS
                if wall >= STEP_RECORD_NS:
                    ordinal, used_us = (self.steps + 1) & U16, min(used // 1000, U32)
                    self.probe.put(STEP, self.flags, 0, loop.tid, self.id, begin + wall, begin,
                                   used_us, 0, 0, self.what, ordinal)  # fmt: skip
            if last and not self.steps and self.ended:
                self.report(1, used, wall, wall)  # the usual case: over in one step
                return
            self.steps += 1
            self.held += wall
            self.cpu += used
            if wall > self.longest:
                self.longest = wall
            if self.ended:
                if not self.reported:
                    self.report(self.steps, self.cpu, self.held, self.longest)
            elif not self.opened and not last:
                self.open()
        except Exception:
            self.probe.ring.error()

    def report(self, steps: int, cpu: int, held: int, longest: int) -> None:
        """Writes the END record and closes the slot."""
        self.reported = True
        probe, loop = self.probe, self.loop
        if self.slot:
            probe.ring.close_slot(self.slot)
            self.slot = 0
        words, at = probe.words, loop.at
        words[at + C_LOOP_CPU] += cpu
        words[at + C_ENDED] += 1
        what = self.what or probe.names.unstarted(self.scope)
        if self.opened:
            flags, held_us = self.flags, held // 1000
        else:
            flags, held_us = self.flags | F_ONLY, self.client
        try:
            probe.put(END, flags, self.status, loop.tid, self.id, self.ended, self.arrived,
                      cpu // 1000, held_us, longest // 1000, what, steps)  # fmt: skip
        except struct.error:  # an hour on the loop, or 65,536 steps
            probe.put(END, flags, self.status & U16, loop.tid, self.id, self.ended, self.arrived,
                      min(cpu // 1000, U32), min(held_us, U32), min(longest // 1000, U32), what,
                      min(steps, U16))  # fmt: skip

    def returned(self, failed: bool) -> None:
        """The ASGI call is over: reports what its last message did not. Never raises."""
        try:
            if failed or not self.ended:
                self.flags |= F_FAILED
                self.status = self.status or 500  # what the server answers for the app
            self.ended = self.ended or now()
            self.report(self.steps, self.cpu, self.held, self.longest)
        except Exception:
            self.probe.ring.error()


@types.coroutine
def drive(coro: Any, request: Request, outermost: bool = False) -> Generator[Any, Any, Any]:
    """Runs a coroutine as `await` would, and times each of its steps.

    The step cell names the request while it runs, so that a frozen loop can be named from outside.
    A step that runs inside another one (an eager child task) belongs to the outer one.

    CPU: reading the clock is the dearest thing here (0.6 us, in a busy server more). A step under
    0.1 ms is taken to be all CPU; a longer one is read at its end and counted from the last
    reading on this loop, which is at most 1 ms old when the step begins.
    """
    loop = request.loop
    words, at = request.probe.words, loop.at
    resume, value = coro.send, None
    if outermost:
        CURRENT.set(request)  # not reset: the server gives each request a context of its own
        begin = request.arrived
    else:
        begin = now()
    while True:
        nested = words[at]
        if not nested:
            words[at + 1] = begin  # NOW_SINCE, NOW_WHAT, then NOW_REQUEST
            words[at + 2] = request.what
            words[at] = request.id
            if begin > loop.read_again:
                loop.cpu, loop.read_again = cpu(), begin + READ_AGAIN_NS
        try:
            waits_for = resume(value)
        except BaseException as error:
            if not nested:
                words[at] = 0
                request.step_ended(begin, now() - begin, True)
            done = type(error) is StopIteration
            if outermost and not request.reported:
                request.returned(not done)
            if done:
                return error.value  # type: ignore[attr-defined]  # it is a StopIteration
            raise
        if not nested:
            words[at] = 0
            wall = now() - begin
            if wall > READ_STEP_NS or request.ended or not request.opened:
                request.step_ended(begin, wall, False)
            else:  # one of the many short steps of a request that waits
                request.steps += 1
                request.held += wall
                request.cpu += wall
                if wall > request.longest:
                    request.longest = wall
        try:
            value = yield waits_for
            resume, begin = coro.send, now()
        except GeneratorExit:
            coro.close()
            if outermost and not request.reported:
                request.returned(True)
            raise
        except BaseException as error:  # a cancellation, for one: it is the app's
            resume, value, begin = coro.throw, error, now()


class Observed:
    """An ASGI app with its requests observed. Everything else of the app shows through."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)

    def __call__(self, scope: Scope, receive: Any, send: Send) -> Awaitable[Any]:
        """Serves as the app does."""
        request = _arrival(scope, send)
        if request is None:
            return self.app(scope, receive, send)  # type: ignore[no-any-return]  # an ASGI app's
        return drive(self.app(scope, receive, request.send), request, True)


# A plain `__call__` saves a frame a request, but is taken for ASGI 2 where nobody says otherwise
if hasattr(inspect, "markcoroutinefunction"):
    inspect.markcoroutinefunction(Observed.__call__)
else:
    vars(Observed.__call__)["_is_coroutine"] = getattr(asyncio.coroutines, "_is_coroutine", None)


def _arrival(scope: Scope, send: Send) -> Request | None:
    """A new request, or None: no monitor is there, or it is no HTTP request. Never raises."""
    probe = state.probe or state.current()
    if probe is None:
        return None
    try:
        t = now()
        if t - probe.words[W_HEARTBEAT] > SLEEP_AFTER_NS:
            return None
        try:
            loop = probe.local.loop
        except AttributeError:
            loop = probe.new_loop()
        if t > loop.beat_due:
            watch.start_beat(probe, loop, t)
        return Request(probe, loop, scope, send, t) if scope["type"] == "http" else None
    except Exception:
        probe.ring.error()
        return None

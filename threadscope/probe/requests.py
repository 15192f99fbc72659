"""Requests and their steps: an ASGI wrapper that times each run of the request's coroutine.

This is the hot path of every request of the server: it takes no lock, and its only system call is
one reading of the thread's CPU clock a step. Hence constants by name and writes in place.
"""

from __future__ import annotations

import asyncio
import inspect
import time
import types
from collections.abc import Awaitable, Callable, Generator
from types import CoroutineType
from typing import Any

from . import connections, state, watch
from .layout import (
    ARRIVE,
    C_ENDED,
    CLIENT_HEADER,
    END,
    ENDPOINT,
    F_FAILED,
    F_ONLY,
    O_WHAT,
    OPEN_REST,
    STATE_AWAITING,
    STATE_QUEUED,
    STEP,
    STEP_RECORD_NS,
)
from .names import UNNAMED, Scope
from .ring import READ_AGAIN_NS
from .state import CURRENT, Loop, Probe

Send = Callable[[Any], Awaitable[None]]
U16, U32 = 0xFFFF, 0xFFFFFFFF
START = object()
READ_STEP_NS = 100_000


now = time.monotonic_ns
cpu = time.thread_time_ns
_pack_slot = OPEN_REST.pack_into


class Request:
    """One request from its arrival to its end.

    Most requests of an `async def` end in their first step. Such a request writes one record, its
    END; that it runs now is told by the step cell. One that waits gets a slot of the open table
    and says at its first wait that it came, or that its endpoint has started; one that waits for
    its endpoint's hop leaves that to the hop.
    """

    __slots__ = (
        "arrived", "client", "cpu", "ended", "failed", "held", "id", "longest", "loop", "named",
        "on_thread", "opened", "probe", "reply", "reported", "scope", "slot", "started", "status",
        "steps",
    )  # fmt: skip

    def arrive(self, probe: Probe, loop: Loop, scope: Scope, send: Send, arrived: int) -> None:
        """Fills a new request. No `__init__`: calling that from C costs twice as much."""
        self.probe, self.loop, self.scope, self.reply = probe, loop, scope, send
        self.arrived = arrived
        self.id = probe.next_request()
        self.ended = self.status = self.failed = self.started = 0
        self.opened = self.reported = False
        self.named = UNNAMED
        headers = scope["headers"]
        # our load sends it first; looking further would cost each request of everybody else
        self.client = int(headers[0][1]) & U32 if headers and headers[0][0] == CLIENT_HEADER else 0

    def send(self, message: Any) -> Awaitable[None]:
        """Stands in for the server's `send`; returns what that returns."""
        if message["type"] == "http.response.body":
            if "more_body" not in message or not message["more_body"]:
                self.ended = now()
        elif "status" in message:
            self.status = message["status"]
        return self.reply(message)

    def start(self, dependant: Any) -> None:
        """The endpoint's own code is about to run: from here on the request has a name.

        Args:
            dependant: what FastAPI knows of the endpoint, if it is FastAPI's.
        """
        probe, scope = self.probe, self.scope
        named = probe.endpoints.get((id(dependant), scope["method"]))
        if named is None:
            named = probe.names.endpoint(dependant, scope)
        self.named = named
        probe.words[self.loop.at + 2] = named[0] | self.client << 16  # NOW_WHAT
        if self.opened:
            self.started = now()
            if self.slot:
                probe.words[self.slot + O_WHAT] = named[0]
            self._say_started()
        else:  # in its first step: routing took microseconds, reading a clock would too
            self.started = self.arrived

    def _say_started(self) -> None:
        what, flags, *_ = self.named
        self.probe.put(ENDPOINT, flags, 0, self.loop.tid, self.id, self.started, self.arrived,
                       self.client, 0, 0, what, 0)  # fmt: skip

    def open(self, queued: int, own: bool = False) -> int:
        """It is about to wait for the first time: from here on the open table has it.

        Args:
            queued: since when it waits for a thread; 0: it waits for something else.
            own: it waits for its endpoint's hop, which will tell that the endpoint started.

        Returns:
            Its slot there, 0 when the table is full.
        """
        self.opened = True
        self.steps = self.held = self.cpu = self.longest = 0
        self.on_thread = False  # its endpoint is, or is on its way there
        probe = self.probe
        self.slot = slot = probe.ring.open_slot()
        if slot:
            state = STATE_QUEUED if queued else STATE_AWAITING
            _pack_slot(probe.map, (slot << 3) + 8, self.arrived, self.named[0], state, queued,
                       self.client, 0, 0)  # fmt: skip
            probe.words[slot] = self.id
        if not self.started:
            what = probe.names.path(self.scope["method"], "")
            probe.put(ARRIVE, 0, 0, self.loop.tid, self.id, self.arrived, 0, self.client, 0, 0,
                      what, 0)  # fmt: skip
        elif not own:
            self._say_started()
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
                    ordinal = self.steps + 1 & U16 if self.opened else 1
                    self.probe.put(STEP, 0, 0, loop.tid, self.id, begin + wall, begin,
                                   min(used // 1000, U32), 0, 0, self.named[0],
                                   ordinal)  # fmt: skip
            if self.opened:
                self.steps += 1
                self.held += wall
                self.cpu += used
                if wall > self.longest:
                    self.longest = wall
                if self.ended and not self.reported:
                    self.report()
            elif self.ended:
                if not self.reported:
                    self.report_only(used, wall)
            elif not last:
                self.open(0)
                self.steps, self.held, self.cpu, self.longest = 1, wall, used, wall
        except Exception:
            self.probe.ring.error()

    def report_only(self, used: int, wall: int) -> None:
        """Writes the END of a request that never waited: its only record."""
        self.reported = True
        probe, loop = self.probe, self.loop
        us = wall // 1000
        probe.words[loop.at + C_ENDED] += 1
        seq = probe.claim()  # `put`, in place
        probe.pack(probe.map, probe.records_at + seq % probe.slots * 64, seq, END,
                   self.named[1] | self.failed | F_ONLY, self.status, loop.tid, self.id,
                   self.ended, self.arrived, us if used == wall else used // 1000, self.client, us,
                   self.named[0] or probe.names.unstarted(self.scope), 1, seq)  # fmt: skip

    def report(self) -> None:
        """Writes the END of a request that has waited, and closes its slot."""
        self.reported = True
        probe, loop = self.probe, self.loop
        slot, words = self.slot, probe.words
        if slot:
            self.slot = words[slot] = 0
            probe.free_slots.append(slot)
        words[loop.at + C_ENDED] += 1
        used, held, longest = self.cpu // 1000, self.held // 1000, self.longest // 1000
        steps = self.steps
        if held > U32 or steps > U16:  # an hour on the loop, or a long stream
            used, held, longest = min(used, U32), min(held, U32), min(longest, U32)
            steps = min(steps, U16)
        what, flags, *_ = self.named
        probe.put(END, flags | self.failed, self.status, loop.tid, self.id, self.ended,
                  self.arrived, used, held, longest, what or probe.names.unstarted(self.scope),
                  steps)  # fmt: skip

    def over(self, begin: int, wall: int, failed: bool) -> None:
        """The ASGI call has returned: reports what its last message did not. Never raises.

        Args:
            begin: of its last step, if that was not booked yet.
            wall: how long that was; 0: it was booked.
            failed: it raised.
        """
        try:
            if wall:
                self.step_ended(begin, wall, True)
            if self.reported:
                return
            if failed or not self.ended:
                self.failed = F_FAILED
                self.status = self.status or 500  # what the server answers for the app
            self.ended = self.ended or now()
            if self.opened:
                self.report()
            else:
                self.report_only(wall, wall)
        except Exception:
            self.probe.ring.error()


@types.coroutine
def serve(coro: Any, request: Request) -> Generator[Any, Any, Any]:
    """Runs the coroutine of a request: its first step here, where most requests end.

    CPU: reading the clock is the dearest thing here (0.6 us, in a busy server more). A step under
    0.1 ms is taken to be all CPU; a longer one is read at its end and counted from the last
    reading on this loop, which is at most 1 ms old when the step begins.
    """
    CURRENT.set(request)  # not reset: the server gives each request a context of its own
    loop, begin = request.loop, request.arrived
    words, at = request.probe.words, loop.at
    if words[at]:
        return (yield from drive(coro, request, True))
    words[at + 1] = begin  # NOW_SINCE, NOW_WHAT, then NOW_REQUEST
    words[at + 2] = 0
    words[at] = request.id
    if begin > loop.read_again:
        loop.cpu, loop.read_again = cpu(), begin + READ_AGAIN_NS
    try:
        waits_for = coro.send(None)
    except StopIteration as stop:
        words[at] = 0
        wall = now() - begin
        if wall > READ_STEP_NS or request.opened or request.reported or not request.ended:
            request.over(begin, wall, False)
        else:
            try:
                request.report_only(wall, wall)
            except Exception:
                request.probe.ring.error()
        return stop.value
    except BaseException:
        words[at] = 0
        request.over(begin, now() - begin, True)
        raise
    words[at] = 0
    wall = now() - begin
    if request.opened and wall < READ_STEP_NS and not request.ended:
        request.held = request.cpu = request.longest = wall
        request.steps = 1
    else:
        request.step_ended(begin, wall, False)
    return (yield from drive(coro, request, True, waits_for))


@types.coroutine
def drive(
    coro: Any, request: Request, outermost: bool = False, waits_for: Any = START
) -> Generator[Any, Any, Any]:
    """Runs a coroutine as `await` would, and times each of its steps.

    The step cell names the request while it runs, so that a frozen loop can be named from outside.
    A step that runs inside another one (an eager child task) belongs to the outer one.

    Args:
        coro: the app's, or the endpoint's in a middleware's child task.
        request: whose steps they are.
        outermost: the request is over when the coroutine is.
        waits_for: what its first step, taken elsewhere, waits for.
    """
    loop = request.loop
    words, at = request.probe.words, loop.at
    resume, value, begin = coro.send, None, 0
    while True:
        if waits_for is not START:
            try:
                value = yield waits_for
                resume = coro.send
            except GeneratorExit:
                coro.close()
                if outermost:
                    request.over(now(), 0, True)
                raise
            except BaseException as error:  # a cancellation, for one: it is the app's
                resume, value = coro.throw, error
                if request.opened:
                    request.on_thread = False  # the hop may never run
        # not a step inside another one, nor AnyIO's own on the way to the endpoint's thread
        timed = not (words[at] or (request.opened and request.on_thread))
        if timed:
            begin = words[at + 1] = now()
            words[at + 2] = request.named[0]
            words[at] = request.id
            if begin > loop.read_again:
                loop.cpu, loop.read_again = cpu(), begin + READ_AGAIN_NS
        try:
            waits_for = resume(value)
        except BaseException as error:
            if timed:
                words[at] = 0
                request.step_ended(begin, now() - begin, True)
            done = type(error) is StopIteration
            if outermost and not request.reported:
                request.over(now(), 0, not done)
            if done:
                return error.value  # type: ignore[attr-defined]  # it is a StopIteration
            raise
        if timed:
            words[at] = 0
            wall = now() - begin
            if wall > READ_STEP_NS or not request.opened or request.ended:
                request.step_ended(begin, wall, False)
            else:  # one of the many short steps of a request that waits
                request.steps += 1
                request.held += wall
                request.cpu += wall


async def _awaited(call: Awaitable[Any]) -> Any:
    """Whatever awaitable an app returns, as a coroutine."""
    return await call


def observed(app: Any) -> Any:
    """An ASGI app with its requests observed; all else of the app shows through."""

    def asgi(scope: Scope, receive: Any, send: Send) -> Any:
        probe = state.probe or state.current()
        if probe is not None:
            t = now()
            if t < probe.awake_until or not probe.asleep(t):
                request = None
                try:
                    try:
                        loop = probe.local.loop
                    except AttributeError:
                        loop = probe.new_loop()
                    if t > loop.beat_due:
                        watch.start_beat(probe, loop, t)
                    if scope["type"] == "http":
                        request = Request()
                        request.arrive(probe, loop, scope, send, t)
                    elif scope["type"] == "websocket" and not connections.COUNTED.get():
                        return connections.counted(app(scope, receive, send), probe, loop)
                except Exception:
                    request = None
                    probe.ring.error()
                if request is not None:
                    call = app(scope, receive, request.send)
                    return serve(call if type(call) is CoroutineType else _awaited(call), request)
        return app(scope, receive, send)

    # a plain function saves a frame a request, but is taken for ASGI 2 where nobody says otherwise
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(asgi)
    else:
        vars(asgi)["_is_coroutine"] = getattr(asyncio.coroutines, "_is_coroutine", None)

    class Observed:
        __call__ = staticmethod(asgi)  # no `self`: the way through __getattr__ is a slow one

        def __getattr__(self, name: str) -> Any:
            return getattr(app, name)

    return Observed()

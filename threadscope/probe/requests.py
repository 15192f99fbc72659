"""Requests: what is known of one, and what is written of it.

This is the hot path of every request of the server, where it is not compiled (`native/books.c` does
the same). It takes no lock and makes no system call. Its cost is the number of bytecode
instructions, some 10 to 30 ns each in a server that has just run code of its own. Hence what never
changes on an event loop is in closures (`books`), where a look-up is one instruction, and what the
probe may leave to the reader is left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic_ns as now
from time import thread_time_ns as cpu
from typing import Any, NamedTuple, Optional

from .layout import (
    ARRIVE,
    C_ENDED,
    END,
    ENDPOINT,
    F_ENDPOINT,
    F_FAILED,
    F_ONLY,
    HOP_OUT,
    O_REQUEST,
    O_SINCE,
    O_WHAT,
    OPEN_SLOT,
    STEP,
    STEP_RECORD_NS,
)
from .names import Named, Scope
from .ring import READ_AGAIN_NS
from .state import Loop, Probe

Send = Callable[[Any], Awaitable[None]]
U16, U32 = 0xFFFF, 0xFFFFFFFF
READ_STEP_NS = 250_000
"""A shorter step is taken to be all CPU. Its microseconds fit into a byte of a HOP_END."""

BY_THREAD, BY_LOOP = 1, 2
"""Who writes of an endpoint's hop: the worker thread, or the event loop, together with the END."""
FIRST, OPEN, ENDED = range(3)
"""A request in its first step, which wrote nothing so far; one that waits or has waited; one whose
END is written."""


class Request:
    """One request from its arrival to its end.

    Most requests of an `async def` end in their first step. Such a request writes one record, its
    END; that it runs now is told by the step cell. One that waits gets a slot of the open table
    and says at its first wait that it came, or that its endpoint has started; one that waits for
    its endpoint's hop leaves that to the hop.

    It has no `__init__`: filling it in place costs half as much, see `steps.driving`.
    """

    __slots__ = (
        "arrived", "client", "ended", "held", "hop", "id", "idle", "longest", "loop", "named",
        "on_thread", "own", "reply", "scope", "slot", "state", "status", "steps", "submitted",
    )  # fmt: skip

    arrived: int
    client: int
    """The number that our own load gave it, 0: another client."""
    ended: int
    """When it sent the last message of its body, 0: not yet."""
    hop: Optional[tuple[int, int, int]]
    """Of its endpoint's hop, if the event loop is to write of it: tid, begin, wall time."""
    id: int
    loop: Loop
    named: Named
    on_thread: int
    """Its endpoint is on a worker thread, or on its way there, if not 0: see `BY_THREAD`."""
    own: bool
    """The next hop is its endpoint's."""
    reply: Send
    scope: Scope
    state: int
    status: int

    # -- from its first wait on ------------------------------------------------------------------
    held: int
    """ns of its steps."""
    idle: int
    """Those of them that were no CPU time."""
    longest: int
    slot: int
    """Its place in the open table, 0: none."""
    steps: int
    submitted: int
    """When its endpoint was handed over to a thread, 0: it is not, or back again."""

    def send(self, message: Any) -> Awaitable[None]:
        """Stands in for the server's `send`; returns what that returns."""
        if "status" in message:
            self.status = message["status"]
        elif message["type"] == "http.response.body" and not (message.get("more_body")):
            self.ended = now()
        return self.reply(message)


def start(request: Request, dependant: Any) -> None:
    """The endpoint's own code is about to run: from here on the request has a name.

    Args:
        request: whose endpoint it is.
        dependant: what FastAPI knows of the endpoint, if it is FastAPI's.
    """
    scope, loop = request.scope, request.loop
    named = loop.endpoints.get((id(dependant), scope["method"]))
    if named is None:
        named = loop.probe.names.endpoint(dependant, scope)
    request.named = named
    loop.words[loop.what] = named[0]
    if request.state == OPEN:
        if request.slot:
            loop.words[request.slot + O_WHAT] = named[0]
        say_started(request, now())


def say_started(request: Request, t: int) -> None:
    """Writes when its endpoint's own code started."""
    what, flags, *_ = request.named
    request.loop.probe.put(ENDPOINT, flags, 0, request.loop.tid, request.id, t, request.arrived,
                           request.client, 0, 0, what, 0)  # fmt: skip


class Books(NamedTuple):
    """What is booked of the requests of one event loop. None of these raises."""

    opens: Callable[[Request, int], None]
    """`(request, wall)`: it waits for the first time, or will soon; from here on the open table has
    it."""
    goes_on: Callable[[Request, int], None]
    """`(request, wall)`: what comes after its endpoint's hop is not one short step. wall: of its
    first one."""
    step_ended: Callable[[Request, int, int, bool], None]
    """`(request, begin, wall, last)`: it ran on the event loop."""
    over: Callable[[Request, int, int], None]
    """`(request, begin, wall)`: its call has returned or raised. begin, wall: of its last step,
    where that was not booked; wall 0: it was."""


def books(probe: Probe, loop: Loop) -> Books:
    """The books of one event loop."""
    words, whole, put, claim, pack = probe.words, probe.map, probe.put, probe.claim, probe.pack
    records_at, slots, tid = probe.records_at, probe.slots, loop.tid
    ended_at, next_end = loop.at + C_ENDED, loop.next_end
    free, open_slot, pack_slot = probe.ring.free_open, probe.ring.open_slot, OPEN_SLOT.pack_into
    names, error = probe.names, probe.ring.error

    def end_only(request: Request, wall: int, used: int, flags: int = F_ONLY) -> None:
        """Of one that ended in its first step: its only record."""
        request.state = ENDED
        named = request.named
        words[ended_at] = next_end()
        put(END, named[1] | flags, request.status, tid, request.id, request.ended,
            request.arrived, min(used // 1000, U32), request.client, min(wall // 1000, U32),
            named[0] or names.unstarted(request.scope), 1)  # fmt: skip

    def end(request: Request, failed: int = 0) -> None:
        """Of one that has waited."""
        request.state = ENDED
        slot, named = request.slot, request.named
        if slot:
            words[slot + O_REQUEST] = request.slot = 0
            free.append(slot)
        words[ended_at] = next_end()
        held, longest, steps = request.held // 1000, request.longest // 1000, request.steps
        used = held - request.idle // 1000 if request.idle else held
        if held > U32 or steps > U16:  # an hour on the loop, or a long stream
            used, held, longest = min(used, U32), min(held, U32), min(longest, U32)
            steps = min(steps, U16)
        seq = claim()  # `put`, in place
        pack(whole, records_at + seq % slots * 64, seq, END, named[1] | failed, request.status,
             tid, request.id, request.ended, request.arrived, used, held, longest,
             named[0] or names.unstarted(request.scope), steps, seq)  # fmt: skip

    def opens(request: Request, wall: int) -> None:
        try:
            request.state, request.steps, request.idle = OPEN, 1, 0
            request.held = request.longest = wall
            if not request.on_thread:
                request.submitted = 0
            since = request.submitted
            number = request.named[0]
            request.slot = slot = open_slot()
            if slot:
                pack_slot(whole, slot << 3, request.arrived, number, since, request.client,
                          request.id)  # fmt: skip
            if since:
                return  # its endpoint's hop will tell that it started
            if number:  # in its first step: routing took microseconds
                say_started(request, request.arrived)
            else:
                put(ARRIVE, 0, 0, tid, request.id, request.arrived, 0, request.client, 0, 0,
                    names.arriving(request.scope), 0)  # fmt: skip
        except Exception:
            error()

    def goes_on(request: Request, wall: int) -> None:
        request.steps, request.idle = 1, 0
        request.held = request.longest = wall
        if request.on_thread:
            request.on_thread = BY_THREAD
        elif request.hop is not None:
            hop_tid, begin, took = request.hop
            put(HOP_OUT, F_ENDPOINT, 0, hop_tid, request.id, begin + took, begin, took // 1000,
                (begin - request.submitted) // 1000, request.client, request.named[4])  # fmt: skip

    def step_ended(request: Request, begin: int, wall: int, last: bool) -> None:
        try:
            first = request.state == FIRST
            if first and not (last or request.ended):
                opens(request, wall)
            used = wall if wall < READ_STEP_NS else long_step(request, begin, wall, first)
            if first:
                if request.state == OPEN:
                    request.idle = wall - used
                elif request.ended:
                    end_only(request, wall, used)
            elif request.state == OPEN:
                request.steps += 1
                request.held += wall
                request.idle += wall - used
                if wall > request.longest:
                    request.longest = wall
                if request.ended:
                    end(request)
                elif request.submitted and not request.on_thread:
                    request.submitted = 0
                    if request.slot:
                        words[request.slot + O_SINCE] = 0
        except Exception:
            error()

    def long_step(request: Request, begin: int, wall: int, first: bool) -> int:
        """CPU time of a step, ns; a record of it where it is very long."""
        before, loop.cpu = loop.cpu, cpu()
        used = min(loop.cpu - before, wall)
        loop.read_again = begin + wall + READ_AGAIN_NS
        if wall >= STEP_RECORD_NS:
            ordinal = 1 if first else getattr(request, "steps", 1) + 1 & U16
            put(STEP, 0, 0, tid, request.id, begin + wall, begin, min(used // 1000, U32), 0, 0,
                request.named[0], ordinal)  # fmt: skip
        return used

    def over(request: Request, begin: int, wall: int) -> None:
        try:
            if request.state == OPEN and request.ended and wall < READ_STEP_NS:  # most of them
                if wall:
                    request.steps += 1
                    request.held += wall
                end(request)  # its answer is complete: what raises afterwards is no failed request
                return
            if wall:
                step_ended(request, begin, wall, True)
            if request.state == ENDED:
                return
            failed = not request.ended
            if failed:
                request.status = request.status or 500  # what the server answers for the app
            request.ended = request.ended or now()
            if request.state == OPEN:
                end(request, F_FAILED if failed else 0)
            else:
                end_only(request, wall, wall, F_ONLY | F_FAILED if failed else F_ONLY)
        except Exception:
            error()

    return Books(opens, goes_on, step_ended, over)

"""Long steps: what each did while it held the event loop, and who waited for its end.

The record of a step comes when it is over. What belongs to it comes before (who waits, where the
loop's thread was found) or a little later (how late the heartbeats were), and is joined here.

Code outside of any request (a background task, a child task) has no steps. It is known by the
heartbeat of the loop that comes late, where the probe saw the app's own code meanwhile and no step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from threadscope.model.facts import OUTSIDE, Endpoint
from threadscope.model.requests import Clients, Key, OpenRequest
from threadscope.model.summary import Hold
from threadscope.model.threads import Thread

LEAST_NS = 100_000_000
"""A step is long from here on; asyncio's own `slow_callback_duration`."""
BEAT_NS = 100_000_000
"""From one heartbeat to the next, where it is not late."""
UNSEEN_NS = 300_000_000
"""A step this long is worth a look from outside, if its probe cannot look."""
SILENT_NS = 400_000_000
"""A probe that was not heard for so long gets no GIL: each 100 ms it is heard, 100 ms late."""
NATIVE = "native code that keeps the GIL"
"""Who has it while the probe waits for it in vain; Python code gives it away when asked."""
RECENT = 64
MOST_LOOPS = 4096
"""Of which something is remembered; a server has one a process, or a few."""


@dataclass(slots=True)
class _Waiting:
    """Who waited for the end of a step."""

    count: int = 0
    routes: tuple[str, ...] = ()


class Unseen(NamedTuple):
    """A step that lasts, and the probe cannot see where it is now."""

    pid: int
    tid: int
    begin: int


@dataclass(slots=True)
class _Outside:
    """What holds a loop outside of any request."""

    begin: int
    """At the latest: when the heartbeat was due, or the step before had ended."""
    seen: int
    own: str
    innermost: str


@dataclass(slots=True)
class Holds:
    """Joins what is known of long steps."""

    least: int = LEAST_NS
    """ns from which on a step is a long one."""
    processes: set[int] = field(default_factory=set)
    """Server processes that live: what is queued is queued for all of them."""
    outside: dict[Key, _Outside] = field(default_factory=dict)
    """By loop's thread, what holds it outside of any request; seldom anything."""
    _waiting: dict[Key, tuple[int, _Waiting]] = field(default_factory=dict)
    _places: dict[Key, tuple[int, str, str]] = field(default_factory=dict)
    _looked: dict[Key, int] = field(default_factory=dict)
    """The begin of the last step of each loop that was looked at from outside."""
    _keeps: dict[Key, int] = field(default_factory=dict)
    """And of the last one that had the GIL when it was looked at."""
    _heard: dict[int, int] = field(default_factory=dict)
    """When the probe of each process was last heard."""
    _lags: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=4 * RECENT))

    def look(
        self, pid: int, tid: int, begin: int, clients: Clients,
        open_requests: Mapping[Key, OpenRequest], request: int,
    ) -> None:  # fmt: skip
        """Counts who waits while a step holds the loop."""
        if len(self._waiting) > MOST_LOOPS:
            self._waiting.clear()
        self._waiting[pid, tid] = begin, self._who(pid, clients, open_requests, request)

    def _who(
        self, pid: int, clients: Clients, open_requests: Mapping[Key, OpenRequest], request: int
    ) -> _Waiting:
        """Asked and not started; a `def` request that is open waits for a thread, not for this."""
        reached, routes = set(), []
        for key, one in open_requests.items():
            if one.started or one.endpoint.kind == "def" or key == (pid, request) or key[0] != pid:
                reached.add(one.client_request)
            elif not one.client_request:
                routes.append(one.endpoint.route)
        asked = clients.routes(reached)
        here = sum(key[0] == pid and one.client_request not in reached
                   for key, one in open_requests.items() if one.client_request)  # fmt: skip
        queued = len(asked) - here
        count = len(routes) + here + round(queued / max(len(self.processes), 1))
        return _Waiting(count, tuple(sorted({route for route in (*asked, *routes) if route})))

    def found(self, pid: int, tid: int, begin: int, own: str, innermost: str) -> None:
        """The probe saw where a loop's thread was in a step that began then."""
        if len(self._places) > MOST_LOOPS:
            self._places.clear()
        if self._looked.get((pid, tid)) != begin:  # else that came first, and saw more
            self._places[pid, tid] = begin, own, innermost

    def looked(self, step: Unseen, own: str, innermost: str, *, holds_gil: bool) -> None:
        """The same from outside, while the probe could not."""
        key = step.pid, step.tid
        self._looked[key], self._places[key] = step.begin, (step.begin, own, innermost)
        self._keeps[key] = step.begin if holds_gil else 0

    def unseen(self, threads: Iterable[Thread], t: int) -> list[Unseen]:
        """Steps that last at t in processes whose probe is silent; each until it is looked at."""
        least = max(self.least, UNSEEN_NS)
        return [
            Unseen(x.pid, x.tid, x.cell_step.since)
            for x in threads
            if x.cell_step is not None
            and not x.ended_at
            and t - x.cell_step.since >= least
            and t - self._heard.get(x.pid, 0) >= SILENT_NS
            and self._looked.get((x.pid, x.tid)) != x.cell_step.since
        ]

    def found_outside(self, thread: Thread, t: int, due: int, own: str, innermost: str) -> None:
        """The probe saw at t what keeps a loop's heartbeat from coming, and it was no request."""
        if len(self.outside) >= RECENT:  # no server has so many loops
            self.outside.clear()
        begin = max(due, thread.spans.end)
        self.outside[thread.pid, thread.tid] = _Outside(begin, t, own, innermost)

    def went_on(
        self, thread: Thread, t: int, clients: Clients,
        open_requests: Mapping[Key, OpenRequest], *, armed: int = 0,
    ) -> Hold | None:  # fmt: skip
        """The loop runs something else at t: the hold outside of any request that is over now.

        Args:
            thread: the loop's.
            t: when.
            clients: ours.
            open_requests: of all processes.
            armed: when the heartbeat was ordered that comes at t; a request may have begun anew.
        """
        known = self.outside.pop((thread.pid, thread.tid), None)
        if known is None:
            return None
        end = armed if armed > known.seen else t
        return self._outside_hold(thread, known, end, clients, open_requests)

    def _outside_hold(
        self, thread: Thread, known: _Outside, end: int, clients: Clients,
        open_requests: Mapping[Key, OpenRequest],
    ) -> Hold | None:  # fmt: skip
        """None where it was short, or waited for the GIL or a core for most of the time."""
        length = end - known.begin
        cpu = thread.cpu_about(known.begin, end)
        if length < self.least or cpu is None:
            return None
        waiting = self._who(thread.pid, clients, open_requests, 0)
        place, _, function = known.own.partition(" in ")
        endpoint = Endpoint("", "", function, OUTSIDE, place.rpartition(":")[0])
        hold = self._hold(thread, 0, endpoint, known.begin, end, cpu, waiting)
        hold = hold._replace(place=known.own, innermost=known.innermost)
        return hold if hold.core_wait + (hold.gil_lag or 0) <= length // 2 else None

    def lag(self, pid: int, t: int, lag: int) -> None:
        """A thread's heartbeat was so late at t."""
        self._heard[pid] = t
        self._lags.append((pid, t, lag))

    def with_lag(self, hold: Hold) -> Hold:
        """A hold that has ended, with the heartbeat that came after it."""
        return hold._replace(gil_lag=self._lag_within(hold.pid, hold.begin, hold.end))

    def _lag_within(self, pid: int, begin: int, end: int) -> int | None:
        lags = [
            lag for of, t, lag in self._lags
            if of == pid and t >= begin and t - lag <= end
        ]  # fmt: skip
        return sum(lags) // len(lags) if lags else None

    def ended(
        self, thread: Thread, request: int, endpoint: Endpoint, begin: int, end: int, cpu: int
    ) -> Hold:
        """A long step is over."""
        key = thread.pid, thread.tid
        at, waiting = self._waiting.pop(key, (0, _Waiting()))
        if at != begin:
            waiting = _Waiting()
        return self._hold(thread, request, endpoint, begin, end, cpu, waiting)

    def lasting(
        self, thread: Thread, at: int, clients: Clients, open_requests: Mapping[Key, OpenRequest]
    ) -> Hold | None:
        """What holds a loop at this moment, and has for long, if anything does."""
        step = thread.step
        if step is None:
            seen = self.outside.get((thread.pid, thread.tid))
            if seen is None or thread.ended_at:
                return None
            outside = self._outside_hold(thread, seen, at, clients, open_requests)
            return outside and outside._replace(lasts=True)
        if at - step.since < self.least:
            return None
        cpu = thread.cpu_between(step.since, at)
        if cpu is None:
            return None
        known = open_requests.get((thread.pid, step.request))
        endpoint = step.endpoint if step.endpoint.route or known is None else known.endpoint
        waiting = self._who(thread.pid, clients, open_requests, step.request)
        hold = self._hold(thread, step.request, endpoint, step.since, at, cpu, waiting)
        return hold._replace(lasts=True)

    def _hold(
        self, thread: Thread, request: int, endpoint: Endpoint, begin: int, end: int, cpu: int,
        waiting: _Waiting,
    ) -> Hold:  # fmt: skip
        key, length = (thread.pid, thread.tid), end - begin
        since, own, innermost = self._places.get(key, (0, "", ""))
        if since != begin:
            own = innermost = ""
        core_wait = min(max(thread.core_wait(begin, end), 0), max(length - cpu, 0))
        if self._keeps.get(key) == begin and core_wait < length // 5:
            innermost = NATIVE if innermost == own else f"{NATIVE} under {innermost}"
        return Hold(
            thread.pid, request, endpoint, begin, end, cpu, core_wait,
            self._lag_within(thread.pid, begin, end), own, innermost, waiting.count,
            waiting.routes,
        )  # fmt: skip

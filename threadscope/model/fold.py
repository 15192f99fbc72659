"""Folds records, in the order of their times, into the state of the server.

One method a kind of record. What a record says twice (an arrival that came with the end, a hop
without its begin) is taken once; what it does not say is left as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from threadscope.model.holds import BEAT_NS, Holds
from threadscope.model.measurement import Measurement
from threadscope.model.records import Record
from threadscope.model.requests import (
    ARRIVED_LONG_BEFORE_NS,
    Clients,
    Key,
    Log,
    OpenRequest,
    new_line,
)
from threadscope.model.ring import Item, Ring
from threadscope.model.snapshot import (
    Activity,
    Endpoint,
    Event,
    Limiter,
    Role,
)
from threadscope.model.tally import MAX_HOLDS, Ended, LimiterStats, Tally
from threadscope.model.thread_table import MOST_THREADS, ThreadTable
from threadscope.model.threads import Thread
from threadscope.model.timeline import Timeline
from threadscope.model.windows import SECOND, Rate

(
    ARRIVE, ENDPOINT, STEP, END, HOP_IN, HOP_OUT, LIMITER, LAG, STALL, SEND, DONE
) = range(1, 12)  # fmt: skip
LOOK = 12
"""Never written: `intake` makes it of a long STEP, for a moment just before that step's end."""
F_ENDPOINT, F_ASYNC, F_FAILED, F_ONLY, F_LAG_LOOP, F_HOP, F_BESIDE = 1, 2, 8, 16, 1, 1, 1
STEP_RECORD_NS = 1_000_000
ENDED_KEPT = 4096
LAG_WINDOW_NS = SECOND
WINDOW_NS = 6 * SECOND
"""Tallies older than this are dropped."""
MOST_LIMITERS, MOST_WITHIN = 1024, 64
"""Threadpools, and hops within hops on one thread: more are not to be believed."""


class Fold:
    """The state of the server, as of the last record."""

    def __init__(self, origin: int) -> None:
        self.threads = ThreadTable()
        self.timeline = Timeline(origin)
        self.log = Log()
        self.clients = Clients()
        self.answered, self.served = Rate(), Rate()
        """What our clients saw end; what the server saw end."""
        self.lights: dict[str, Rate] = {}
        """Light requests beside the load, by their route; in none of the load's own figures."""
        self.open: dict[Key, OpenRequest] = {}
        self._ended: set[Key] = set()
        self._ended_before: set[Key] = set()
        """Requests that are over, the last ones in two lots: the older lot goes as a whole."""
        self._ended_on: dict[Key, tuple[int, Endpoint]] = {}
        """The last one on each loop's thread, and what it was: the record of its step comes yet."""
        self.limiters: dict[Key, Limiter] = {}
        self._loop_lags: deque[tuple[int, int]] = deque()
        self._gil_lags: deque[tuple[int, int]] = deque()
        self.stall: tuple[int, str] = (0, "")
        """When and where a loop was last found in a long step."""
        self.holds = Holds()
        self.tally = Tally()
        """What happens now goes here; for about a second, then `roll` begins another one."""
        self._tallies: deque[tuple[int, Tally]] = deque()
        self._rolled = origin
        self.measurement: Measurement | None = None
        self.done = self.failed = self.read = 0
        self._handlers: dict[int, Callable[[Ring, Record], None]] = {
            ARRIVE: self._arrive,
            ENDPOINT: self._endpoint,
            STEP: self._step,
            END: self._end,
            HOP_IN: self._hop_in,
            HOP_OUT: self._hop_out,
            LIMITER: self._limiter,
            LAG: self._lag,
            STALL: self._stall,
            SEND: self._send,
            DONE: self._done,
            LOOK: self._look,
        }

    def take(self, items: Iterable[Item]) -> None:
        """Folds what came, in the order of the times."""
        pass_to, handlers = self.timeline.pass_to, self._handlers
        for t, ring, what in items:
            pass_to(t)
            if ring is not None:
                handlers[what[1]](ring, what)
            else:
                what()

    # -- tallies -------------------------------------------------------------------------------
    def roll(self, t: int, *, now: bool = False) -> None:
        """Begins another tally when the present one is a second old, or `now`."""
        if not now and t - self._rolled < SECOND:
            return
        if self.measurement is not None and self.measurement.end is None:
            self.measurement.tally.add(self.tally)
        self._tallies.append((t, self.tally))
        self._rolled, self.tally = t, Tally()
        while self._tallies[0][0] < t - WINDOW_NS:
            self._tallies.popleft()

    def window(self, begin: int) -> Tally:
        """What happened since `begin`, as far as tallies are kept."""
        total = Tally()
        for t, tally in self._tallies:
            if t > begin:
                total.add(tally)
        total.add(self.tally)
        return total

    def _tally(self, t: int) -> Tally:
        """Where something of time t goes: a writer may be late for a measurement that is over."""
        over = self.measurement
        return self.tally if over is None or over.end is None or t > over.end else over.tally

    # -- requests ------------------------------------------------------------------------------
    def opened(
        self, key: Key, arrived: int, client_request: int, endpoint: Endpoint
    ) -> OpenRequest | None:
        """A request is open, if it was not known to be; None when it has ended already."""
        request = self.open.get(key)
        if request is None and key not in self._ended and key not in self._ended_before:
            request = self.open[key] = OpenRequest(arrived, client_request, endpoint)
            self.timeline.opened(1)
        return request

    def closed(self, key: Key) -> OpenRequest | None:
        """A request is over; what was known of it."""
        self._ended.add(key)
        if len(self._ended) > ENDED_KEPT:
            self._ended, self._ended_before = set(), self._ended
        request = self.open.pop(key, None)
        if request is not None:
            self.timeline.opened(-1)
        return request

    def stop(self, t: int) -> None:
        """The server is gone at t, and all that ran in it."""
        for key in list(self.open):
            self.closed(key)
        self.timeline.hopped(-self.timeline.hops)
        self.threads.stop(t)

    def process_gone(self, t: int, pid: int) -> None:
        """One process is gone, and all that ran in it."""
        self.holds.processes.discard(pid)
        for key in [key for key in self.open if key[0] == pid]:
            self.closed(key)
        for key in [key for key in self.limiters if key[0] == pid]:
            del self.limiters[key]
        for key in [key for key in self._ended_on if key[0] == pid]:
            del self._ended_on[key]
        self.timeline.hopped(-self.threads.process_gone(t, pid))

    def _arrive(self, ring: Ring, record: Record) -> None:
        _, _, _, _, tid, number, t, _, client, _, _, what, _, _ = record
        endpoint = ring.endpoint(what)
        request = self.opened((ring.pid, number), t, client, endpoint)
        if request is None:
            return
        request.late = request.late or (record[0] > 0)
        request.client_request = request.client_request or client
        if endpoint.route and not request.endpoint.route:
            request.endpoint = endpoint
        if request.endpoint.kind == "async def" and not request.started and tid:
            self._started(ring, number, request, request.arrived, tid)

    def _endpoint(self, ring: Ring, record: Record) -> None:
        _, _, flags, _, tid, number, t, arrived, client, _, _, what, _, _ = record
        endpoint = ring.named(what)
        request = self.opened((ring.pid, number), arrived, client, endpoint)
        if request is None:
            return
        request.endpoint = endpoint
        request.client_request = request.client_request or client
        if flags & F_ASYNC and not request.started:
            self._started(ring, number, request, t, tid)

    def _started(self, ring: Ring, number: int, request: OpenRequest, t: int, tid: int) -> None:
        """The endpoint's own code runs: the articles' start line."""
        request.started = True
        client = self.clients.who(request.client_request)
        waited = max(t - request.arrived, 0)
        if waited >= ARRIVED_LONG_BEFORE_NS:
            self.log.add(
                new_line((request.arrived, Event.ARRIVE, number, client, request.endpoint, "", 0, 0,
                          None, ""))
            )  # fmt: skip
        here = self.threads.get(ring.pid, tid).label
        self.log.add(
            new_line((t, Event.START, number, client, request.endpoint, here, 0, waited, None, ""))
        )

    def _step(self, ring: Ring, record: Record) -> None:
        _, _, _, _, tid, number, t, begin, cpu, _, _, what, _, _ = record
        thread = self.threads.get(ring.pid, tid, Role.LOOP)
        if self.holds.outside:
            self._went_on(thread, begin)
        thread.span(begin, t, number)
        self.timeline.held(begin, t, t - begin)
        request = self.open.get((ring.pid, number))
        if request is not None:
            request.recorded += t - begin
        if t - begin >= self.holds.least:
            last, known = self._ended_on.get((ring.pid, tid), (0, Endpoint()))
            known = request.endpoint if request else known if last == number else Endpoint()
            endpoint = ring.endpoint(what) if what else known
            hold = self.holds.ended(thread, number, endpoint, begin, t, cpu * 1000)
            tally = self._tally(t)
            if len(tally.holds) < MAX_HOLDS:
                tally.holds.append(hold)
            if endpoint.route:
                tally.routes[endpoint].held_up(hold)

    def _went_on(self, thread: Thread, t: int, armed: int = 0) -> None:
        """An event loop runs something else at t: what held it outside of any request is over."""
        hold = self.holds.went_on(thread, t, self.clients, self.open, armed=armed)
        if hold is not None:
            tally = self._tally(t)
            tally.holds.append(hold)
            tally.routes[hold.endpoint].held_outside(hold)

    def _look(self, ring: Ring, record: Record) -> None:
        """A step is about to have been a long one: who waits for its end?"""
        self.holds.look(ring.pid, record[4], record[7], self.clients, self.open, record[5])

    def _end(self, ring: Ring, record: Record) -> None:
        _, _, flags, status, tid, number, t, arrived, cpu, held, longest, what, steps, _ = record
        held, longest, cpu = held * 1000, longest * 1000, cpu * 1000
        endpoint = ring.named(what)
        request = self.closed((ring.pid, number))
        self._ended_on[ring.pid, tid] = number, endpoint
        if len(self._ended_on) > MOST_THREADS:
            self._ended_on.clear()
        if request is None:
            request = OpenRequest(arrived, 0, endpoint)
        if flags & F_ONLY:
            request.client_request, held = held // 1000, longest
            if longest < STEP_RECORD_NS:
                self.threads.get(ring.pid, tid, Role.LOOP).span(arrived, arrived + longest, number)
                request.recorded = 0
            else:
                request.recorded = longest
        self.timeline.held(arrived, t, max(held - request.recorded, 0))
        request.endpoint = endpoint
        if not request.started and (endpoint.kind == "async def" or not endpoint.kind):
            self._started(ring, number, request, arrived, tid)
        self.served.add(t, t - arrived)
        if not self.clients.used:
            self.done += 1
            self.failed += bool(flags & F_FAILED or status >= 500)
        client, took = self.clients.who(request.client_request), t - arrived
        self.log.add(
            new_line((t, Event.END, number, client, endpoint, "", status, took, None, "")),
            request.client_request,
        )
        if self.measurement is not None:
            self.measurement.served(request.arrived, t)
        tally = self._tally(t)
        tally.processes[ring.pid].completed += 1
        if self.measurement is not None and request.arrived < self.measurement.since:
            return  # the phase before asked for it
        failed = bool(flags & F_FAILED) or status >= 500
        sent = self.clients.sent_at(request.client_request)
        tally.routes[endpoint].book(
            request, Ended(t, number, status, failed, sent, steps, cpu, held, longest)
        )

    # -- hops ----------------------------------------------------------------------------------
    def _hop_in(self, ring: Ring, record: Record) -> None:
        _, _, flags, _, tid, number, t, _, client, *_ = record
        thread = self.threads.get(ring.pid, tid, Role.WORKER)
        if number in thread.running and thread.running[number].since >= t:
            return  # a cell is read again and again
        if not thread.running:
            self.timeline.hopped(1)
        request = self.open.get((ring.pid, number))
        if request is not None:
            request.client_request = request.client_request or client
        if len(thread.running) >= MOST_WITHIN:
            return
        thread.running[number] = Activity(number, request.endpoint if request else Endpoint(), t)
        thread.active_at = t
        if request is not None and flags & F_ENDPOINT and not request.started:
            self._started(ring, number, request, t, tid)

    def _hop_out(self, ring: Ring, record: Record) -> None:
        _, _, _, _, tid, number, t, begin, cpu, waited, _, _, _, _ = record
        thread = self.threads.get(ring.pid, tid, Role.WORKER)
        if thread.running.pop(number, None) is not None and not thread.running:
            self.timeline.hopped(-1)
        thread.span(begin, t, number)
        request = self.open.get((ring.pid, number))
        if request is not None:
            request.hops += 1
            request.hop_cpu += cpu * 1000
            request.hop_wait += waited * 1000
            request.hop_wall += t - begin
        self._tally(t).processes[ring.pid].hop_wait.add(waited * 1000)
        if self.measurement is not None and self.measurement.covers(t):
            thread.hops_measured += 1

    # -- the process ---------------------------------------------------------------------------
    def _limiter(self, ring: Ring, record: Record) -> None:
        _, _, _, _, _, number, t, borrowed, total, waiting, _, what, _, _ = record
        if len(self.limiters) >= MOST_LIMITERS and (ring.pid, number) not in self.limiters:
            return
        name = ring.text(what)
        self.limiters[ring.pid, number] = Limiter(name, total, borrowed, waiting)
        known = self._tally(t).processes[ring.pid].limiters
        stats = known.setdefault(number, LimiterStats(name))
        stats.total = total
        stats.looks += 1
        stats.borrowed_max = max(stats.borrowed_max, borrowed)
        stats.waiting_max = max(stats.waiting_max, waiting)
        if waiting and borrowed >= total:
            stats.exhausted += 1
            stats.holders.update(self.threads.runs(ring.pid))

    def _lag(self, ring: Ring, record: Record) -> None:
        _, _, flags, _, _, _, t, lag, *_ = record
        loop = bool(flags & F_LAG_LOOP)
        (self._loop_lags if loop else self._gil_lags).append((t, lag))
        process = self._tally(t).processes[ring.pid]
        (process.loop_lag if loop else process.gil_lag).add(lag)
        if not loop:
            self.holds.lag(ring.pid, t, lag)
            late = self.tally.holds
            if late and late[-1].pid == ring.pid and late[-1].end >= t - lag:
                late[-1] = self.holds.with_lag(late[-1])
        elif self.holds.outside:
            self._went_on(self.threads.get(ring.pid, record[4]), t, t - lag - BEAT_NS)

    def _stall(self, ring: Ring, record: Record) -> None:
        own, innermost = ring.text(record[8]), ring.text(record[9])
        if record[2] & F_HOP:
            if own:  # a library's function on a thread of its own says nothing
                self._tally(record[6]).routes[ring.endpoint(record[11])].hop_place = own
            return
        if not record[5]:
            thread = self.threads.get(ring.pid, record[4])
            self.holds.found_outside(thread, record[6], record[7], own, innermost)
            return
        self.stall = record[6], own or innermost
        self.holds.found(ring.pid, record[4], record[7], own, innermost)

    def lags(self, at: int) -> tuple[int | None, int | None]:
        """The worst loop lag and GIL lag of the last second, ns."""
        return _worst(self._loop_lags, at), _worst(self._gil_lags, at)

    # -- our clients ---------------------------------------------------------------------------
    def _send(self, ring: Ring, record: Record) -> None:
        self.clients.sent(record[5], record[6], record[8], ring.text(record[11]))
        self.timeline.in_flight = self.clients.in_flight

    def _done(self, ring: Ring, record: Record) -> None:
        _, _, flags, status, _, number, t, sent, _, error, _, what, _, _ = record
        self.log.answered(number, t - sent)
        self.clients.done(number)
        self.timeline.in_flight = self.clients.in_flight
        tally = self._tally(t)
        if not error:
            tally.clients[ring.text(what)].add(t - sent)
        if flags & F_BESIDE:
            if not error:
                self.lights.setdefault(ring.text(what), Rate()).add(t, t - sent)
            return
        self.done += 1
        tally.done += 1
        if error or status >= 400:
            self.failed += 1
            tally.failed += 1
        if not error:
            self.answered.add(t, t - sent)


def _worst(lags: deque[tuple[int, int]], at: int) -> int | None:
    while lags and lags[0][0] < at - LAG_WINDOW_NS:
        lags.popleft()
    return max((lag for _, lag in lags), default=None)

"""Folds records, in the order of their times, into the state of the server.

One method a kind of record. What a record says twice (an arrival that came with the end, a hop
without its begin) is taken once; what it does not say is left as it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any

from threadscope.model.books import Books
from threadscope.model.holds import BEAT_NS, Holds
from threadscope.model.interruptions import Interruptions
from threadscope.model.lags import Lags
from threadscope.model.log import Log
from threadscope.model.records import (
    ARRIVE,
    DONE,
    END,
    ENDPOINT,
    F_ASYNC,
    F_ENDPOINT,
    F_FAILED,
    F_HOP,
    F_LAG_LOOP,
    F_ONLY,
    HOP_IN,
    HOP_OUT,
    LAG,
    LIMITER,
    SEND,
    STALL,
    STEP,
    STEP_RECORD_NS,
    Record,
)
from threadscope.model.requests import NOBODY, Clients, Key, OpenRequest, Requests
from threadscope.model.ring import Ring
from threadscope.model.snapshot import Activity, Endpoint, Limiter, Role
from threadscope.model.tally import MAX_HOLDS, LimiterStats
from threadscope.model.thread_table import ThreadTable
from threadscope.model.threads import Thread
from threadscope.model.timeline import Timeline

MOST_LIMITERS, MOST_WITHIN = 1024, 64
"""Threadpools, and hops within hops on one thread: more are not to be believed."""
Item = tuple[int, Callable[[Any, Any], None], Ring | None, Any]
"""What is to be folded: its time, by whom, and of which ring which record; or an action."""
time_of = itemgetter(0)
"""An item's."""
_LOOP, _WORKER = Role.LOOP, Role.WORKER
_NOWHERE = Endpoint()
_activity = partial(tuple.__new__, Activity)
"""Half the price of Activity(...)."""


class Fold:
    """The state of the server, as of the last record."""

    def __init__(self, origin: int) -> None:
        self.threads = ThreadTable()
        self.timeline = Timeline(origin)
        self.log = Log()
        self.clients = Clients()
        self.requests = Requests(self.timeline)
        self.open = self.requests.open
        self.limiters: dict[Key, Limiter] = {}
        self.loop_lags, self.gil_lags = Lags(), Lags()
        self.stall: tuple[int, str] = (0, "")
        """When and where a loop was last found in a long step."""
        self.interruptions = Interruptions()
        self.holds = Holds()
        self.books = Books(origin)
        self.read = 0
        self.handlers: dict[int, Callable[[Any, Any], None]] = {
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
        }
        """Who folds which kind; what records imply is folded by `came`, `hop_began` and `look`."""

    def take(self, items: list[Item]) -> None:
        """Folds what came, in the order of the times."""
        timeline = self.timeline
        late = bisect_right(items, timeline.now, key=time_of)
        for _, fold, ring, what in items[:late]:  # the watermark had passed them
            fold(ring, what)
        end = timeline.present_end
        for t, fold, ring, what in islice(items, late, None):
            if t > end:
                timeline.pass_to(t)
                end = timeline.present_end
            timeline.now = t  # as `pass_to`, without a call for each
            fold(ring, what)
        self.books.count()

    def act(self, _: Ring | None, action: Callable[[], None]) -> None:
        """Does something else, in its time."""
        action()

    # -- requests ------------------------------------------------------------------------------
    def stop(self, t: int) -> None:
        """The server is gone at t, and all that ran in it."""
        for key in list(self.open):
            self.requests.closed(key)
        self.timeline.hops_ended(self.timeline.hops)
        self.threads.stop(t)

    def process_gone(self, t: int, pid: int) -> None:
        """One process is gone, and all that ran in it."""
        self.holds.processes.discard(pid)
        for key in [key for key in self.open if key[0] == pid]:
            self.requests.closed(key)
        for key in [key for key in self.limiters if key[0] == pid]:
            del self.limiters[key]
        self.timeline.hops_ended(self.threads.process_gone(t, pid))

    def _arrive(self, ring: Ring, record: Record) -> None:
        _, _, _, _, tid, number, t, _, client, _, _, what, _, _ = record
        request = self._came(ring, number, t, client, what, tid)
        if request is not None and record[0] > 0:
            request.late = True

    def came(self, ring: Ring, end: Record) -> None:
        """The arrival that an END implies; where it is the only record, the endpoint began then."""
        _, _, flags, _, tid, number, _, arrived, _, client, _, what, _, _ = end
        if flags & F_ONLY:
            self._came(ring, number, arrived, client, what, tid)
            return
        endpoint = ring.endpoints.get(what) or ring.endpoint(what)
        request = self.requests.opened((ring.pid, number), arrived, 0, endpoint)
        if request is None or request.endpoint is endpoint:
            return
        if endpoint.route and not request.endpoint.route:
            request.endpoint = endpoint

    def _came(
        self, ring: Ring, number: int, t: int, client: int, what: int, tid: int
    ) -> OpenRequest | None:
        endpoint = ring.endpoints.get(what) or ring.endpoint(what)
        request = self.requests.opened((ring.pid, number), t, client, endpoint)
        if request is None:
            return None
        if client and not request.client_request:
            request.client_request = client
        if request.endpoint is not endpoint and endpoint.route and not request.endpoint.route:
            request.endpoint = endpoint
        if tid and not request.started and request.endpoint.kind == "async def":
            self._started(number, request, request.arrived, self.threads.get(ring.pid, tid))
        return request

    def _endpoint(self, ring: Ring, record: Record) -> None:
        _, _, flags, _, tid, number, t, arrived, client, _, _, what, _, _ = record
        endpoint = ring.named(what)
        request = self.requests.opened((ring.pid, number), arrived, client, endpoint)
        if request is None:
            return
        request.endpoint = endpoint
        request.client_request = request.client_request or client
        if flags & F_ASYNC and not request.started:
            self._started(number, request, t, self.threads.get(ring.pid, tid))

    def _started(self, number: int, request: OpenRequest, t: int, thread: Thread) -> None:
        """The endpoint's own code runs: the articles' start line."""
        request.started = True
        client = self.clients.asked.get(request.client_request, NOBODY)[1]
        self.log.started(t, number, client, request.endpoint, thread.label, request.arrived)

    def _step(self, ring: Ring, record: Record) -> None:
        _, _, _, _, tid, number, t, begin, cpu, _, _, what, _, _ = record
        thread = self.threads.get(ring.pid, tid, _LOOP)
        if self.holds.outside:
            self._went_on(thread, begin)
        thread.span(begin, t, number)
        self.timeline.held(begin, t, t - begin)
        request = self.open.get((ring.pid, number))
        if request is not None:
            request.recorded += t - begin
        if t - begin >= self.holds.least:
            known, last = request.endpoint if request else Endpoint(), ring.ended_on.get(tid)
            if request is None and last is not None and last[5] == number:
                known = ring.named(last[11])
            endpoint = ring.endpoint(what) if what else known
            hold = self.holds.ended(thread, number, endpoint, begin, t, cpu * 1000)
            tally = self.books.at(t)
            if len(tally.holds) < MAX_HOLDS:
                tally.holds.append(hold)
            if endpoint.route:
                tally.routes[endpoint].held_up(hold)

    def _went_on(self, thread: Thread, t: int, armed: int = 0) -> None:
        """An event loop runs something else at t: what held it outside of any request is over."""
        hold = self.holds.went_on(thread, t, self.clients, self.open, armed=armed)
        if hold is not None:
            tally = self.books.at(t)
            tally.holds.append(hold)
            tally.routes[hold.endpoint].held_outside(hold)

    def look(self, ring: Ring, step: Record) -> None:
        """A step is about to have been a long one: who waits for its end?"""
        self.holds.look(ring.pid, step[4], step[7], self.clients, self.open, step[5])

    def _end(self, ring: Ring, record: Record) -> None:
        _, _, flags, status, tid, number, t, arrived, cpu, held, longest, what, steps, _ = record
        pid = ring.pid
        endpoint = ring.endpoints.get(what) or ring.named(what)
        request = self.requests.closed((pid, number))
        if request is None:
            request = OpenRequest(arrived, 0, endpoint)
        longest *= 1000
        if flags & F_ONLY:
            request.client_request, held = held, longest
            if longest < STEP_RECORD_NS:
                self.threads.get(pid, tid, _LOOP).span(arrived, arrived + longest, number)
                request.recorded = 0
            else:
                request.recorded = longest
        else:
            held *= 1000
        ring.ended_on[tid] = record
        if held > request.recorded:
            self.timeline.held(arrived, t, held - request.recorded)
        request.endpoint = endpoint
        if not request.started and (endpoint.kind == "async def" or not endpoint.kind):
            self._started(number, request, arrived, self.threads.get(pid, tid))
        failed = status >= 500 or flags & F_FAILED > 0
        if not self.clients.used:
            self.books.served.add(t, t - arrived)
            self.books.done += 1
            self.books.failed += failed
        client_request = request.client_request
        sent, client, _ = self.clients.asked.get(client_request, NOBODY)
        self.log.ended(t, number, client, endpoint, status, t - arrived, client_request)
        ring.ends[what].append(
            (request, t, number, status, failed, sent, steps, cpu * 1000, held, longest)
        )

    # -- hops ----------------------------------------------------------------------------------
    def _hop_in(self, ring: Ring, record: Record) -> None:
        begin, client = record[6], record[8]
        self.hop_began(ring, (*record[:7], begin, 0, 0, client, *record[11:]))

    def hop_began(self, ring: Ring, out: Record) -> None:
        """The begin of a hop that a HOP_OUT implies."""
        _, _, flags, _, tid, number, _, t, _, _, client, _, _, _ = out
        pid = ring.pid
        thread = self.threads.of[pid].get(tid)  # mostly there: without a call for each
        if thread is None or thread.role is not _WORKER:
            thread = self.threads.get(pid, tid, _WORKER)
        running = thread.running
        if running:
            if number in running and running[number].since >= t:
                return  # a cell is read again and again
        else:
            self.timeline.hop_began()
        request = self.open.get((pid, number))
        if request is None:
            endpoint = _NOWHERE
        else:
            endpoint = request.endpoint
            if client and not request.client_request:
                request.client_request = client
        if len(running) >= MOST_WITHIN:
            return
        running[number] = _activity((number, endpoint, t))
        thread.active_at = t
        if flags & F_ENDPOINT and request is not None and not request.started:
            self._started(number, request, t, thread)

    def _hop_out(self, ring: Ring, record: Record) -> None:
        _, _, _, _, tid, number, t, begin, cpu, waited, _, _, _, _ = record
        pid = ring.pid
        thread = self.threads.of[pid].get(tid)  # mostly there: without a call for each
        if thread is None or thread.role is not _WORKER:
            thread = self.threads.get(pid, tid, _WORKER)
        if thread.running.pop(number, None) is not None and not thread.running:
            self.timeline.hops_ended()
        if t > thread.active_at:  # as `Thread.span`, without a call for each
            thread.active_at = t
        thread.spans.add(begin, t, number)
        thread.hops_measured += 1
        waited *= 1000
        request = self.open.get((pid, number))
        if request is not None:
            request.hops += 1
            request.hop_cpu += cpu * 1000
            request.hop_wait += waited
            request.hop_wall += t - begin
        ring.waits.append((t, waited))

    # -- the process ---------------------------------------------------------------------------
    def _limiter(self, ring: Ring, record: Record) -> None:
        _, _, _, _, _, number, t, borrowed, total, waiting, _, what, _, _ = record
        if len(self.limiters) >= MOST_LIMITERS and (ring.pid, number) not in self.limiters:
            return
        name = ring.text(what)
        self.limiters[ring.pid, number] = Limiter(name, total, borrowed, waiting)
        known = self.books.at(t).processes[ring.pid].limiters
        stats = known.setdefault(number, LimiterStats(name))
        if stats.looked(borrowed, total, waiting):
            stats.holders.update(self.threads.runs(ring.pid))

    def _lag(self, ring: Ring, record: Record) -> None:
        _, _, flags, _, _, _, t, lag, *_ = record
        if self.interruptions.longest(t - lag, t, ring.pid):
            return  # it was late because its process was stopped: that says nothing of the app
        loop = bool(flags & F_LAG_LOOP)
        (self.loop_lags if loop else self.gil_lags).add(t, lag)
        process = self.books.at(t).processes[ring.pid]
        (process.loop_lag if loop else process.gil_lag).add(lag)
        if not loop:
            self.holds.lag(ring.pid, t, lag)
            late = self.books.tally.holds
            if late and late[-1].pid == ring.pid and late[-1].end >= t - lag:
                late[-1] = self.holds.with_lag(late[-1])
        elif self.holds.outside:
            self._went_on(self.threads.get(ring.pid, record[4]), t, t - lag - BEAT_NS)

    def _stall(self, ring: Ring, record: Record) -> None:
        own, innermost = ring.text(record[8]), ring.text(record[9])
        if record[2] & F_HOP:
            if own:  # a library's function on a thread of its own says nothing
                self.books.at(record[6]).routes[ring.endpoint(record[11])].hop_place = own
            return
        if not record[5]:
            thread = self.threads.get(ring.pid, record[4])
            self.holds.found_outside(thread, record[6], record[7], own, innermost)
            return
        self.stall = record[6], own or innermost
        self.holds.found(ring.pid, record[4], record[7], own, innermost)

    # -- our clients ---------------------------------------------------------------------------
    def _send(self, ring: Ring, record: Record) -> None:
        asked = self.clients.sent(record[5], record[6], record[8], ring.text(record[11]))
        if asked <= 2:  # of more it makes no difference how many
            self.timeline.in_flight = asked

    def _done(self, ring: Ring, record: Record) -> None:
        number, t, sent = record[5:8]
        self.log.answered(number, t - sent)
        asked = self.clients.done(number)
        if asked <= 2:
            self.timeline.in_flight = asked
        ring.answers.append(record)

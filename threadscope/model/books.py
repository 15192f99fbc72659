"""What has ended, counted: in tallies for lints and reports, in rates for the headline.

At thousands of requests a second it costs half as much to count them many at a time: those that
end are noted, and counted when all that came was folded, or before something else is done.
"""

from __future__ import annotations

from collections import defaultdict, deque

from threadscope.model.measurement import Measurement
from threadscope.model.rates import Rate
from threadscope.model.records import F_BESIDE, Record
from threadscope.model.requests import Ended
from threadscope.model.ring import Ring
from threadscope.model.tally import Tally
from threadscope.model.windows import SECOND

WINDOW_NS = 6 * SECOND
"""Tallies older than this are dropped."""


class Books:
    """All counts."""

    def __init__(self, origin: int) -> None:
        self.answered, self.served = Rate(), Rate()
        """What our clients saw end; without any, what the server saw end."""
        self.lights: dict[str, Rate] = {}
        """Light requests beside the load, by their route; in none of the load's own figures."""
        self.done = self.failed = 0
        self.tally = Tally()
        """What happens now goes here; for about a second, then `roll` begins another one."""
        self._tallies: deque[tuple[int, Tally]] = deque()
        self._rolled = origin
        self.measurement: Measurement | None = None
        self._noted: list[Ring] = []
        """Whose ends or answers are not counted yet."""

    def roll(self, t: int, *, now: bool = False) -> None:
        """Begins another tally when the present one is a second old, or `now`."""
        if not now and t - self._rolled < SECOND:
            return
        if self.measurement is not None and self.measurement.end is None:
            self.measurement.tally.add(self.tally)
            self.measurement.tally.coarsen()
        self._tallies.append((t, self.tally))
        self._rolled, self.tally = t, Tally()
        while self._tallies[0][0] < t - WINDOW_NS:
            self._tallies.popleft()

    def since(self, begin: int) -> list[Tally]:
        """What happened since `begin`, as far as tallies are kept, a second each."""
        return [*(tally for t, tally in self._tallies if t > begin), self.tally]

    def at(self, t: int) -> Tally:
        """Where something of time t goes: a writer may be late for a measurement that is over."""
        over = self.measurement
        return self.tally if over is None or over.end is None or t > over.end else over.tally

    def _one_tally(self) -> bool:
        """Whether that is the same one for all times."""
        return self.measurement is None or self.measurement.end is None

    def ended(self, ring: Ring, what: int, end: Ended) -> None:
        """Notes the end of a request.

        Args:
            ring: of its process.
            what: its endpoint's number there.
            end: what is known of it.
        """
        if not ring.ends:
            self._noted.append(ring)
        ring.ends[what].append(end)

    def hop(self, ring: Ring, t: int, waited: int) -> None:
        """Notes that a hop ended at t which had waited for its thread so long, ns."""
        if not ring.waits:
            self._noted.append(ring)
        ring.waits.append((t, waited))

    def answer(self, ring: Ring, done: Record) -> None:
        """Notes what a client of ours saw end."""
        if not ring.answers:
            self._noted.append(ring)
        ring.answers.append(done)

    def count(self) -> None:
        """Counts what was noted."""
        over = self.measurement.end if self.measurement is not None else None
        for ring in self._noted:
            for ends in ring.ends.values():
                if over is None:
                    self._ends(ring, ends, self.tally)
                else:
                    self._ends(ring, [end for end in ends if end[1] > over], self.tally)
                    self._ends(ring, [end for end in ends if end[1] <= over], self.at(over))
            ring.ends.clear()
            if ring.waits:
                self._waits(ring)
                ring.waits.clear()
            if ring.answers:
                self._answers(ring)
                ring.answers.clear()
        self._noted.clear()

    def _ends(self, ring: Ring, ends: list[Ended], tally: Tally) -> None:
        """Those of one endpoint."""
        if not ends:
            return
        tally.processes[ring.pid].completed += len(ends)
        measurement = self.measurement
        if measurement is not None:
            since = measurement.since
            measurement.served(ends)
            ends = [end for end in ends if end[0].arrived >= since]  # others: of the phase before
        if ends:
            tally.routes[ends[0][0].endpoint].book(ends)

    def _waits(self, ring: Ring) -> None:
        """Those of hops for their thread."""
        if self._one_tally():
            waits = [waited for _, waited in ring.waits]
            self.tally.processes[ring.pid].hop_wait.extend(waits)
            return
        waits_of: defaultdict[Tally, list[int]] = defaultdict(list)
        for t, waited in ring.waits:
            waits_of[self.at(t)].append(waited)
        for tally, waits in waits_of.items():
            tally.processes[ring.pid].hop_wait.extend(waits)

    def _answers(self, ring: Ring) -> None:
        """Those to our clients."""
        took_of: defaultdict[tuple[Tally, int], list[int]] = defaultdict(list)
        times: list[int] = []
        good: list[int] = []
        tally, one = self.tally, self._one_tally()
        for _, _, flags, status, _, _, t, sent, _, error, _, what, _, _ in ring.answers:
            if not one:
                tally = self.at(t)
            if not error:
                took_of[tally, what].append(t - sent)
            if flags & F_BESIDE:
                if not error:
                    self.lights.setdefault(ring.text(what), Rate()).add(t, t - sent)
                continue
            self.done += 1
            tally.done += 1
            if error or status >= 400:
                self.failed += 1
                tally.failed += 1
            if not error:
                times.append(t)
                good.append(t - sent)
        for (tally, what), took in took_of.items():
            tally.clients[ring.text(what)].extend(took)
        self.answered.extend(times, good)

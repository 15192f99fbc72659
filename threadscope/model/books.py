"""What has ended, counted: in tallies for lints and reports, in rates for the headline.

At thousands of requests a second it costs half as much to count them many at a time: those that
end are noted with their ring, and counted when all that came was folded, or another tally begins.
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
        self.rings: dict[int, Ring] = {}
        """All of them, by process: what they note is counted here."""

    def roll(self, t: int, *, now: bool = False) -> None:
        """Begins another tally when the present one is a second old, or `now`."""
        if not now and t - self._rolled < SECOND:
            return
        self.count()
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

    def count(self) -> None:
        """Counts what was noted."""
        over = self.measurement.end if self.measurement is not None else None
        for ring in self.rings.values():
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

    def _ends(self, ring: Ring, ends: list[Ended], tally: Tally) -> None:
        """Those of one endpoint."""
        if not ends:
            return
        tally.processes[ring.pid].completed += len(ends)
        measurement = self.measurement
        if measurement is not None:
            earliest = min([end[0].arrived for end in ends])
            measurement.served(ends, earliest)
            since = measurement.since
            if earliest < since:
                ends = [x for x in ends if x[0].arrived >= since]  # others: of the phase before
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
        if self._one_tally():
            self._answered(ring, ring.answers, self.tally)
            return
        answers_of: defaultdict[Tally, list[Record]] = defaultdict(list)
        for answer in ring.answers:
            answers_of[self.at(answer[6])].append(answer)
        for tally, answers in answers_of.items():
            self._answered(ring, answers, tally)

    def _answered(self, ring: Ring, answers: list[Record], tally: Tally) -> None:
        """Those that go into one tally."""
        took_of: defaultdict[int, list[int]] = defaultdict(list)
        times: list[int] = []
        good: list[int] = []
        beside = failed = 0
        for _, _, flags, status, _, _, t, sent, _, error, _, what, _, _ in answers:
            took = t - sent
            if not error:
                took_of[what].append(took)
            if flags & F_BESIDE:
                beside += 1
                if not error:
                    self.lights.setdefault(ring.text(what), Rate()).add(t, took)
                continue
            if error or status >= 400:
                failed += 1
            if not error:
                times.append(t)
                good.append(took)
        done = len(answers) - beside
        self.done += done
        self.failed += failed
        tally.done += done
        tally.failed += failed
        parts = self.answered.extend(times, good)
        for what, some in took_of.items():
            clients = tally.clients[ring.text(what)]
            if beside or len(took_of) > 1:
                clients.extend(some)
            else:  # they are the same ones, and counted already
                for part in parts:
                    clients.merge(part)

"""Who has a row where not all have room, and how much each thread does. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from threadscope.model.snapshot import Lane, Snapshot, Span
from threadscope.tui.crowd import Met, clocks_since, spans_since
from threadscope.tui.lanes_math import Drawn
from threadscope.tui.rows import Crowd, Key, T, Thread, choose, key_of

CPU_WEIGHT = 3
"""Who computes says more than who sleeps."""
NOW_WEIGHT = 2
RANK_NS = 1_000_000_000
"""So long who has a row is settled, but for who comes and goes."""
SOON_NS = RANK_NS * 5 // 8
"""After this it is settled anew while nobody waits for a picture: of a thousand threads that takes
longer than drawing them."""

_IDENTITY = attrgetter("pid", "tid", "role", "label")
_Asked = tuple[list[tuple[object, ...]], int, bool]
_NOBODY: Mapping[Key, float] = {}
"""All have room: nobody was judged."""
Sums = dict[int, tuple[Sequence[Span], int]]
"""Chunks of requests, by their identity, and for how long those had their thread, ns."""


class _Choice(NamedTuple):
    """Who was given a line."""

    asked: _Asked
    busy: Mapping[Key, float]
    shown: list[int]
    """Places in what was asked for."""
    folded: list[tuple[int, list[int]]]


class Places:
    """Who has a row, and why. Panels that share it show the same threads first."""

    def __init__(self) -> None:
        self.seconds = 6.0
        """What the threads did in this time counts."""
        self._shown: dict[str, Iterable[Key]] = {}
        self._activity: dict[Key, float] = {}
        self._sums: Sums = {}
        self._judged = (0, 0.0)
        self._wishes: dict[str, tuple[Snapshot, Callable[[], object]]] = {}
        """What each panel has asked last, and of which picture."""
        self._chosen: dict[str, _Choice] = {}
        self.drawn: dict[tuple[int, int, str], Drawn] = {}
        """The lanes of the picture before, by process, thread and name."""
        self.met: dict[int, Met] = {}
        """Those without a lane of their own, by process."""

    def choose(
        self,
        panel: str,
        snapshot: Snapshot,
        threads: Sequence[T],
        room: int,
        *,
        apart: bool,
        more: Callable[[], Mapping[Key, float]] = dict,
    ) -> tuple[list[T], list[Crowd[T]]]:
        """Who has a line in a panel, as `rows.choose` has it; settled while nobody comes or goes.

        Args:
            panel: its name.
            snapshot: whose threads they are.
            threads: those that want a line.
            room: lines.
            apart: a fold for each process.
            more: what threads did that have no lane.
        """
        busy = self.activity(snapshot) if len(threads) > room else _NOBODY
        again = partial(self.choose, panel, snapshot, threads, room, apart=apart, more=more)
        self._wishes[panel] = snapshot, again
        asked: _Asked = (list(map(_IDENTITY, threads)), room, apart)
        choice = self._chosen.get(panel)
        if choice is None or choice.busy is not busy or choice.asked != asked:
            all_busy = {**more(), **busy} if busy is not _NOBODY else busy
            shown, folded = choose(threads, room, all_busy, self.kept, apart=apart)
            self.keep(panel, shown)
            at = {key_of(thread): place for place, thread in enumerate(threads)}
            choice = self._chosen[panel] = _Choice(
                asked,
                busy,
                [at[key_of(thread)] for thread in shown],
                [(one.pid, [at[key_of(thread)] for thread in one.threads]) for one in folded],
            )
        crowds = [Crowd(pid, [threads[n] for n in places]) for pid, places in choice.folded]
        return [threads[n] for n in choice.shown], crowds

    def settle(self, shown: Snapshot) -> None:
        """Judges anew who does most, if the next picture would have to.

        Args:
            shown: the picture that the panels show.
        """
        if shown.at - self._judged[0] >= SOON_NS and self._activity:
            self._judged = (0, 0.0)
            for snapshot, again in list(self._wishes.values()):
                if snapshot is shown:
                    again()

    def activity(self, snapshot: Snapshot) -> Mapping[Key, float]:
        """What each thread did, judged once a second so that rows stand still."""
        at, (judged, seconds) = snapshot.at, self._judged
        if seconds != self.seconds or not 0 <= at - judged < RANK_NS:
            self._judged = at, self.seconds
            before, self._sums = self._sums, {}
            begin = at - int(self.seconds * 1e9)
            self._activity = activity(snapshot.lanes, begin, at, before, self._sums)
        return self._activity

    @property
    def kept(self) -> Counter[Key]:
        """In how many panels a thread has a row."""
        return Counter(chain.from_iterable(self._shown.values()))

    def keep(self, panel: str, shown: Iterable[Thread]) -> None:
        """These have a row in a panel now."""
        self._shown[panel] = [key_of(thread) for thread in shown]


def activity(
    lanes: Iterable[Lane],
    begin: int,
    at: int,
    before: Mapping[int, tuple[Sequence[Span], int]] | None = None,
    sums: Sums | None = None,
) -> dict[Key, float]:
    """How much each thread did: nanoseconds in requests, and its CPU CPU_WEIGHT times.

    Where one goes on, the first counts NOW_WEIGHT times: the table shows what runs.

    Chunks count whole: what is a second too old does no harm here.

    Args:
        lanes: the threads' last minute.
        begin: what ended before does not count.
        at: the present.
        before: what `sums` was when they were judged last.
        sums: where the sum of each chunk is put.
    """
    known, summed = before or {}, {} if sums is None else sums
    return {
        key_of(lane): min(_held(lane, begin, known, summed), at - begin)
        * (NOW_WEIGHT if lane.current else 1)
        + CPU_WEIGHT * _cpu(lane, begin)
        for lane in lanes
    }


def _held(
    lane: Lane, begin: int, before: Mapping[int, tuple[Sequence[Span], int]], sums: Sums
) -> int:
    held = sum([end - max(since, begin) for since, end, *_ in lane.current])
    for chunk in spans_since(lane, begin):
        known = before.get(id(chunk))
        busy = known[1] if known and known[0] is chunk else sum([span[4] for span in chunk])
        sums[id(chunk)] = chunk, busy
        held += busy
    return held


def _cpu(lane: Lane, begin: int) -> int:
    chunks = clocks_since(lane, begin)
    return max(0, chunks[-1][-1].cpu_ns - chunks[0][0].cpu_ns) if chunks else 0

"""Many threads at once: how much each of them does, and what they do together. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, chain, pairwise
from operator import attrgetter
from typing import NamedTuple

from threadscope.model.snapshot import CpuPoint, Lane, Role, Snapshot, Span
from threadscope.tui.lanes_math import Drawn, Window
from threadscope.tui.rows import Crowd, Key, T, Thread, choose, key_of

CPU_WEIGHT = 3
"""Who computes says more than who sleeps."""
NOW_WEIGHT = 2
SAMPLE_NS = 50_000_000
"""Processes are sampled one after the other: within this it is the same moment."""
COARSE_NS, COARSE = 300_000_000, 100
"""Cells this long, or so many threads: clocks are read once a second."""
RANK_NS = 1_000_000_000
"""So long who has a row is settled, but for who comes and goes."""
SOON_NS = RANK_NS * 5 // 8
"""After this it is settled anew while nobody waits for a picture: of a thousand threads that takes
longer than drawing them."""
ALIKE = 10
"""Of so many threads one may come or go, and what they did together stays as it was drawn."""
LOOK_BACK_NS = 200_000_000
"""A clock must begin before the window does."""


_IDENTITY = attrgetter("pid", "tid", "role", "label")
_Asked = tuple[list[tuple[object, ...]], int, bool]
_NOBODY: Mapping[Key, float] = {}
"""All have room: nobody was judged."""


class Met(NamedTuple):
    """When any of several threads was in a request, as it was worked out last."""

    tids: list[int]
    begin: int
    """Of the window."""
    at: int
    slice_ns: int
    stretches: list[Span]


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
            self._activity = activity(snapshot.lanes, at - int(self.seconds * 1e9), at)
        return self._activity

    @property
    def kept(self) -> Counter[Key]:
        """In how many panels a thread has a row."""
        return Counter(chain.from_iterable(self._shown.values()))

    def keep(self, panel: str, shown: Iterable[Thread]) -> None:
        """These have a row in a panel now."""
        self._shown[panel] = [key_of(thread) for thread in shown]


def activity(lanes: Iterable[Lane], begin: int, at: int) -> dict[Key, float]:
    """How much each thread did: nanoseconds in requests, and its CPU CPU_WEIGHT times.

    Where one goes on, the first counts NOW_WEIGHT times: the table shows what runs.

    Chunks count whole: what is a second too old does no harm here.

    Args:
        lanes: the threads' last minute.
        begin: what ended before does not count.
        at: the present.
    """
    return {
        key_of(lane): min(_held(lane, begin), at - begin) * (NOW_WEIGHT if lane.current else 1)
        + CPU_WEIGHT * _cpu(lane, begin)
        for lane in lanes
    }


def _held(lane: Lane, begin: int) -> int:
    held = sum([end - max(since, begin) for since, end, *_ in lane.current])
    return held + sum([span[4] for chunk in _since(lane, begin) for span in chunk])


def _cpu(lane: Lane, begin: int) -> int:
    chunks = _clocks(lane, begin)
    return max(0, chunks[-1][-1].cpu_ns - chunks[0][0].cpu_ns) if chunks else 0


def _since(lane: Lane, begin: int) -> Iterator[Sequence[Span]]:
    """The chunks of its requests that reach into the window, the newest first."""
    for chunk in reversed(lane.spans):
        if chunk and chunk[-1].end <= begin:
            break
        yield chunk


def _clocks(lane: Lane, begin: int) -> list[Sequence[CpuPoint]]:
    """The chunks of its clock that reach into the window, oldest first."""
    kept: list[Sequence[CpuPoint]] = []
    for chunk in reversed(lane.cpu):
        if chunk:
            if chunk[-1].t <= begin:
                break
            kept.append(chunk)
    return kept[::-1]


def meet(lanes: Sequence[Lane], view: Window, before: Met | None = None) -> Met:
    """When any of several threads was in a request; gaps that no cell can show are left out.

    Args:
        lanes: the threads.
        view: how far back it must reach, and how exact it must be.
        before: what was worked out for the picture before, if that was of nearly the same threads:
            only what has ended since, and what goes on, is looked at then.
    """
    tids = [lane.tid for lane in lanes]
    known: list[Span] = []
    if (
        before is not None
        and before.at <= view.at
        and before.begin <= view.begin
        and before.slice_ns == view.slice_ns
        and (before.tids == tids or ALIKE * len({*before.tids} ^ {*tids}) <= len(tids))
    ):
        known = [one for one in before.stretches if one.end > view.begin]
    since = before.at if before is not None and known else view.begin
    stretches = _stretches(lanes, view, since, known)
    return Met(tids, view.begin, view.at, view.slice_ns, stretches)


def together(lanes: Sequence[Lane], view: Window, met: Met | None = None) -> Lane:
    """Several threads as one lane: their CPU in sum, and when any of them was in a request.

    Args:
        lanes: the threads, at least one.
        view: how far back it must reach, and how exact it must be.
        met: when they were in requests, if that is known.
    """
    stretches = (met or meet(lanes, view)).stretches
    going_on = stretches and stretches[-1].end >= view.at
    return Lane(
        pid=lanes[0].pid,
        tid=0,
        label=f"{len(lanes)} more",
        role=Role.OTHER,
        spans=(tuple(stretches[:-1] if going_on else stretches),),
        current=(stretches[-1],) if going_on else (),
        cpu=(_clock(lanes, view),),
        active_at=max(lane.active_at for lane in lanes),
    )


def _clock(lanes: Sequence[Lane], view: Window) -> tuple[CpuPoint, ...]:
    """A clock that runs by what all of theirs do."""
    coarse = view.slice_ns >= COARSE_NS or len(lanes) > COARSE
    used: defaultdict[int, int] = defaultdict(int)
    for lane in lanes:
        chunks = _clocks(lane, view.begin - LOOK_BACK_NS)
        if not chunks:
            continue
        if coarse:
            points = [*[chunk[0] for chunk in chunks], chunks[-1][-1]]
        else:
            points = list(chain.from_iterable(chunks))
        used[points[0].t // SAMPLE_NS] += 0
        for (_, before), (t, now) in pairwise(points):
            used[t // SAMPLE_NS] += now - before
    moments = sorted(used)
    clock = accumulate([used[moment] for moment in moments])
    return tuple(map(CpuPoint, [moment * SAMPLE_NS for moment in moments], clock))


def _stretches(
    lanes: Sequence[Lane], view: Window, begin: int, known: Sequence[Span]
) -> list[Span]:
    """These, and what has ended from `begin` on."""
    taken = [(since, end) for since, end, *_ in known]
    for lane in lanes:
        taken += [(since, end) for since, end, *_ in lane.current]
        for chunk in _since(lane, begin):
            if not chunk:
                continue
            first, last = chunk[0].begin, chunk[-1].end
            free = last - first - sum([span[4] for span in chunk])
            if free < view.slice_ns * (len(chunk) - 1):
                taken.append((first, last))
            else:
                taken += [(since, end) for since, end, *_ in chunk]
    stretches: list[Span] = []
    for since, end in sorted(taken):
        if stretches and since <= stretches[-1].end:
            last_one = stretches[-1]
            if end > last_one.end:
                stretches[-1] = Span(last_one.begin, end, 0, 2, end - last_one.begin)
        else:
            stretches.append(Span(since, end, 0, 2, end - since))
    return stretches

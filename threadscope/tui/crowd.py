"""Many threads in one lane: when any of them was in a request, and the CPU of all of them. Pure.

Of thousands of requests a second only what is new since the picture before is looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise
from operator import itemgetter
from typing import NamedTuple

from threadscope.model.snapshot import CpuPoint, Lane, Role, Span
from threadscope.tui.lanes_math import Window

SAMPLE_NS = 50_000_000
"""Processes are sampled one after the other: within this it is the same moment."""
COARSE_NS, COARSE = 300_000_000, 100
"""Cells this long, or so many threads: what is not known yet of clocks is read once a second."""
ALIKE = 10
"""Of so many threads one may come or go, and what they did together stays as it was drawn."""
LOOK_BACK_NS = 1_000_000_000
"""A clock must begin before the window does."""

_TIME, _END = itemgetter(0), itemgetter(1)


class Clock(NamedTuple):
    """What several threads used."""

    used: dict[int, int]
    """CPU ns, by the SAMPLE_NS in which they were read."""
    read: dict[int, CpuPoint]
    """Up to where the clock of each thread is in it; also of those that have a lane of their own by
    now: when they come back, nothing counts twice."""


class Met(NamedTuple):
    """What several threads did together, as it was worked out last."""

    tids: list[int]
    begin: int
    """Of the window."""
    at: int
    slice_ns: int
    stretches: list[Span]
    """When any of them was in a request."""
    clock: Clock


def spans_since(lane: Lane, begin: int) -> Iterator[Sequence[Span]]:
    """The chunks of its requests that reach into the window, the newest first."""
    for chunk in reversed(lane.spans):
        if chunk:
            if chunk[-1].end <= begin:
                break
            yield chunk


def clocks_since(lane: Lane, begin: int) -> list[Sequence[CpuPoint]]:
    """The chunks of its clock that reach into the window, oldest first."""
    kept: list[Sequence[CpuPoint]] = []
    for chunk in reversed(lane.cpu):
        if chunk:
            if chunk[-1].t <= begin:
                break
            kept.append(chunk)
    return kept[::-1]


def meet(lanes: Sequence[Lane], view: Window, before: Met | None = None) -> Met:
    """What several threads did together; gaps that no cell can show are left out.

    Args:
        lanes: the threads.
        view: how far back it must reach, and how exact it must be.
        before: what was worked out for the picture before, if that was of nearly the same threads:
            only what is new since is looked at then.
    """
    tids = [lane.tid for lane in lanes]
    if before is None or not (
        before.at <= view.at
        and before.begin <= view.begin
        and before.slice_ns == view.slice_ns
        and (before.tids == tids or ALIKE * len({*before.tids} ^ {*tids}) <= len(tids))
    ):
        before = None
    known = [one for one in before.stretches if one.end > view.begin] if before else []
    since = before.at if before is not None and known else view.begin
    stretches = _stretches(lanes, view, since, known)
    clock = _clock(lanes, view, before.clock if before else Clock({}, {}))
    return Met(tids, view.begin, view.at, view.slice_ns, stretches, clock)


def together(lanes: Sequence[Lane], view: Window, met: Met | None = None) -> Lane:
    """Several threads as one lane: their CPU in sum, and when any of them was in a request.

    Args:
        lanes: the threads, at least one.
        view: how far back it must reach, and how exact it must be.
        met: what they did, if that is known.
    """
    *_, stretches, clock = met or meet(lanes, view)
    going_on = stretches and stretches[-1].end >= view.at
    moments = sorted(clock.used)
    cpu = accumulate([clock.used[moment] for moment in moments])
    return Lane(
        pid=lanes[0].pid,
        tid=0,
        label=f"{len(lanes)} more",
        role=Role.OTHER,
        spans=(tuple(stretches[:-1] if going_on else stretches),),
        current=(stretches[-1],) if going_on else (),
        cpu=(tuple(map(CpuPoint, [moment * SAMPLE_NS for moment in moments], cpu)),),
        active_at=max(lane.active_at for lane in lanes),
    )


def _clock(lanes: Sequence[Lane], view: Window, before: Clock) -> Clock:
    """A clock that runs by what all of theirs do, from some time before the window on."""
    begin = view.begin - LOOK_BACK_NS
    coarse = view.slice_ns >= COARSE_NS or len(lanes) > COARSE
    first = begin // SAMPLE_NS
    used = {moment: ns for moment, ns in before.used.items() if moment >= first}
    read = {tid: last for tid, last in before.read.items() if last.t >= begin}
    for lane in lanes:
        last = read.get(lane.tid)
        if last is None:
            points = _points(lane, begin, coarse=coarse)
            if not points:
                continue
            used.setdefault(points[0].t // SAMPLE_NS, 0)
        else:
            points = [last, *_later(lane, last.t)]
        for (_, was), (t, now) in pairwise(points):
            moment = t // SAMPLE_NS
            used[moment] = used.get(moment, 0) + now - was
        read[lane.tid] = points[-1]
    return Clock(used, read)


def _points(lane: Lane, begin: int, *, coarse: bool) -> list[CpuPoint]:
    """Its clock over the window; once a second is exact enough where it is coarse."""
    chunks = clocks_since(lane, begin)
    if coarse and chunks:
        return [*[chunk[0] for chunk in chunks], chunks[-1][-1]]
    return list(chain.from_iterable(chunks))


def _later(lane: Lane, t: int) -> list[CpuPoint]:
    """Its clock after t."""
    later = clocks_since(lane, t)
    if not later:
        return []
    oldest = later[0][bisect_right(later[0], t, key=_TIME) :]
    return [*oldest, *chain.from_iterable(later[1:])]


def _stretches(
    lanes: Sequence[Lane], view: Window, begin: int, known: Sequence[Span]
) -> list[Span]:
    """These, and what has ended from `begin` on."""
    taken = [(since, end, busy) for since, end, _, _, busy in known]
    for lane in lanes:
        taken += [(since, end, end - since) for since, end, *_ in lane.current]
        for chunk in spans_since(lane, begin):
            if chunk[0].end <= begin:
                chunk = chunk[bisect_right(chunk, begin, key=_END) :]
            first, last, busy = chunk[0].begin, chunk[-1].end, sum([span[4] for span in chunk])
            if last - first - busy < view.slice_ns * (len(chunk) - 1):
                taken.append((first, last, busy))
            else:
                taken += [(since, end, busy) for since, end, _, _, busy in chunk]
    stretches: list[Span] = []
    for since, end, busy in sorted(taken):
        if stretches and since <= stretches[-1].end:
            first, last, _, _, before = stretches[-1]
            last = max(last, end)
            stretches[-1] = Span(first, last, 0, 2, min(before + busy, last - first))
        else:
            stretches.append(Span(since, end, 0, 2, busy))
    return stretches

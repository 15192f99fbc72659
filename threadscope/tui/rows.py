"""Which threads get a row when there are more threads than rows, and in which order.

What they do decides which are shown, never where: a thread keeps its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, Protocol, TypeVar

from threadscope.model.snapshot import Endpoint, Role, ThreadRow
from threadscope.report.units import plural

RECENT_NS = 2_000_000_000
"""A thread that did something in this time is not idle."""
BUSY_PERCENT = 1.0
"""Another library's thread is shown from this much CPU on."""

INERTIA = 1.5
"""Who has no row needs so many times the activity of one who has."""

Key = tuple[int, int]
"""(pid, tid)."""
_RANK = {Role.LOOP: 0, Role.WORKER: 1, Role.OTHER: 2, Role.PROBE: 3}


class Thread(Protocol):
    """What rows and lanes have in common."""

    @property
    def pid(self) -> int:
        """Its process."""
        ...

    @property
    def tid(self) -> int:
        """The kernel's number."""
        ...

    @property
    def label(self) -> str:
        """Its name."""
        ...

    @property
    def role(self) -> Role:
        """What it is there for."""
        ...

    @property
    def active_at(self) -> int:
        """When it last did something."""
        ...


T = TypeVar("T", bound=Thread)


def key_of(thread: Thread) -> Key:
    """What tells threads apart."""
    return thread.pid, thread.tid


def natural(thread: Thread) -> tuple[int, int, int, str, int]:
    """Sort key: by process; in it the event loop, then the workers by number, then the rest."""
    return thread.pid, _RANK[thread.role], len(thread.label), thread.label, thread.tid


def worth_a_row(row: ThreadRow) -> bool:
    """False for the probe's own thread and for other threads that do nothing."""
    if row.role is Role.OTHER:
        return row.now is not None or (row.cpu_percent or 0) >= BUSY_PERCENT
    return row.role is not Role.PROBE


def is_idle(row: ThreadRow, at: int) -> bool:
    """True for a thread without request and CPU; an event loop is never called idle."""
    return (
        row.role is not Role.LOOP
        and row.now is None
        and (row.cpu_percent or 0) < BUSY_PERCENT
        and at - row.active_at > RECENT_NS
    )


class Crowd(NamedTuple, Generic[T]):
    """Threads that share one line."""

    pid: int
    """Their process; 0: they are of all."""
    threads: list[T]


def choose(
    threads: Iterable[T],
    room: int,
    activity: Mapping[Key, float],
    kept: Mapping[Key, int] | None = None,
    *,
    apart: bool = False,
) -> tuple[list[T], list[Crowd[T]]]:
    """Share out `room` lines; a fold takes one of them.

    Event loops come first, then those that do most, from each process in turn. Who has a line
    keeps it until another one does INERTIA times as much, so that rows do not jump.

    Args:
        threads: those that want a line.
        room: lines.
        activity: how much each of them does.
        kept: in how many panels each has a line already.
        apart: a fold for each process, where there is room for that.

    Returns:
        The threads to show, in natural order, and those to fold.
    """
    everyone = sorted(threads, key=natural)
    apart = apart and room >= 2 * len({thread.pid for thread in everyone})
    left = Counter(thread.pid if apart else 0 for thread in everyone)
    shown: set[Key] = set()
    lines = len(left)  # at first all are folded
    for thread in _by_claim(everyone, activity, kept or {}):
        pid = thread.pid if apart else 0
        cost = left[pid] > 1  # the last one takes the line of its fold
        if lines + cost <= room:
            lines += cost
            left[pid] -= 1
            shown.add(key_of(thread))
    folded: dict[int, Crowd[T]] = {}
    for thread in everyone:
        if key_of(thread) not in shown:
            pid = thread.pid if apart else 0
            folded.setdefault(pid, Crowd(pid, [])).threads.append(thread)
    return [thread for thread in everyone if key_of(thread) in shown], list(folded.values())


def _by_claim(
    everyone: Sequence[T], activity: Mapping[Key, float], kept: Mapping[Key, int]
) -> list[T]:
    """The event loops; then the busiest of each process, the second of each, and so on."""

    def claim(thread: T) -> tuple[bool, bool, float]:
        key = key_of(thread)
        does = activity.get(key, 0)
        weight = (does + 1) * INERTIA ** kept.get(key, 0)  # it counts among the idle too
        return thread.role is not Role.LOOP, not does, -weight

    turns: Counter[tuple[int, bool]] = Counter()
    claims: list[tuple[tuple[bool, bool, int, float], T]] = []
    for thread in sorted(everyone, key=claim):
        later, idle, weight = claim(thread)
        claims.append(((later, idle, turns[thread.pid, later], weight), thread))
        turns[thread.pid, later] += 1
    return [thread for _, thread in sorted(claims, key=itemgetter(0))]


def short_label(endpoint: Endpoint) -> str:
    """`/items/{id}`, `POST /items`: for a narrow column; without a method it is GET."""
    return endpoint.route if endpoint.method == "GET" else endpoint.label


def fold_text(folded: Sequence[Thread], rows: dict[Key, ThreadRow]) -> str:
    """`36 more workers: 36 in a request, 0.3 %`, or `36 more workers idle`."""
    noun = "worker" if all(thread.role is Role.WORKER for thread in folded) else "thread"
    head = plural(len(folded), f"more {noun}")
    known = [rows[key] for thread in folded if (key := key_of(thread)) in rows]
    busy = sum(row.now is not None for row in known)
    percent = sum(row.cpu_percent or 0 for row in known)
    if not busy and percent < BUSY_PERCENT:
        return f"{head} idle"
    return f"{head}: {busy} in a request, {percent:.1f} %"

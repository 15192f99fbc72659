"""Which threads get a row when there are more threads than rows, and in which order.

Activity decides which are shown, never where: a thread keeps its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from threadscope.model.snapshot import Endpoint, Role, ThreadRow
from threadscope.report.units import plural

RECENT_NS = 2_000_000_000
"""A thread that did something in this time is not idle."""
BUSY_PERCENT = 1.0
"""Another library's thread is shown from this much CPU on."""

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


def choose(
    threads: Iterable[T], room: int, at: int, shown_before: frozenset[Key] = frozenset()
) -> tuple[list[T], list[T]]:
    """Share out `room` lines; one of them is kept for the fold when not all fit.

    Event loops come first, then threads that were recently active; among these the ones that
    had a row before keep it, so that rows do not jump.

    Returns:
        The threads to show, in natural order, and those to fold.
    """
    everyone = sorted(threads, key=natural)
    if len(everyone) <= room:
        return everyone, []

    def claim(thread: T) -> tuple[bool, bool, bool]:
        return (
            thread.role is not Role.LOOP,
            at - thread.active_at > RECENT_NS,
            key_of(thread) not in shown_before,
        )

    by_claim = sorted(everyone, key=claim)
    shown = {key_of(thread) for thread in by_claim[: max(0, room - 1)]}
    return (
        [thread for thread in everyone if key_of(thread) in shown],
        [thread for thread in everyone if key_of(thread) not in shown],
    )


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

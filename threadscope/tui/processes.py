"""Threads and lanes by process, a heading each, where a server has several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from threadscope.model.snapshot import Part, ProcessRow, Snapshot
from threadscope.report.units import plural
from threadscope.tui.rows import BUSY_PERCENT

SHARE = 3
"""One line in so many may be a heading, where not all lines have room."""


class OfProcess(Protocol):
    """A thread, or several of one process."""

    @property
    def pid(self) -> int:
        """Their process."""
        ...


T = TypeVar("T", bound=OfProcess)


def headings(snapshot: Snapshot) -> tuple[ProcessRow, ...]:
    """The processes that want a heading; none where there is only one."""
    found = tuple(
        row
        for row in snapshot.processes
        if row.part is not Part.HELPER or (row.cpu_percent or 0) >= BUSY_PERCENT
    )
    return found if len(found) > 1 else ()


def affordable(found: tuple[ProcessRow, ...], below: int, lines: int) -> tuple[ProcessRow, ...]:
    """The headings, or none where they would leave too few lines for what is below them.

    Args:
        found: what is wanted.
        below: lines that are wanted below them.
        lines: room for both.
    """
    enough = len(found) + below <= lines or len(found) * SHARE <= lines
    return found if enough else ()


def by_process(threads: Sequence[T], heads: Sequence[ProcessRow]) -> Iterator[ProcessRow | T]:
    """Each process, then its threads; the order of these stays."""
    if not heads:
        yield from threads
        return
    known = {head.pid for head in heads}
    for head in heads:
        yield head
        yield from (thread for thread in threads if thread.pid == head.pid)
    yield from (thread for thread in threads if thread.pid not in known)


def title(head: ProcessRow) -> str:
    """`worker 5460`."""
    return f"{head.part} {head.pid}"


def figures(head: ProcessRow) -> str:
    """`159 requests, 12 open`; "" for a process that serves none."""
    if head.part is Part.SUPERVISOR:
        return ""
    return f"{plural(head.ended, 'request')}, {head.open} open"

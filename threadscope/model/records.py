"""Events as they come out of a ring, and what else a ring tells at a glance."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from threadscope.model.snapshot import Endpoint
from threadscope.model.text import clean

Record = tuple[int, ...]
"""seq, kind, flags, status, tid, request, t, a, x, y, z, what, n, seq: see `probe.layout`.
A plain tuple: at 20,000 a second, names would cost more than the rest."""


(
    ARRIVE, ENDPOINT, STEP, END, HOP_IN, HOP_OUT, LIMITER, LAG, STALL, SEND, DONE
) = range(1, 12)  # fmt: skip
F_ENDPOINT, F_ASYNC, F_FAILED, F_ONLY, F_LAG_LOOP, F_HOP, F_BESIDE = 1, 2, 8, 16, 1, 1, 1
STEP_RECORD_NS = 1_000_000
"""Kinds, flags, and from where on a step has a record of its own: as `probe.layout` has them."""


class OpenEntry(NamedTuple):
    """A request that is open now, from the open table."""

    arrived: int
    what: int
    since: int
    """When a function of it was handed to a worker thread, 0: it awaits something else."""
    client: int
    request: int


class CellEntry(NamedTuple):
    """A thread's cell: what it runs now, and its totals."""

    now_request: int
    now_since: int
    now_what: int
    now_client: int
    """Our client's request number: in a request's first step, and in a hop."""
    now_flags: int
    """Of the hop."""
    tid: int
    name: str
    role: int
    ended: int
    hops: int
    """Of all threads that had this cell."""
    hops_before: int
    """What `hops` was when the present thread took the cell."""
    websockets: int = 0
    """Open on this event loop now."""


class Batch(NamedTuple):
    """What one look at one ring gave."""

    pid: int
    t: int
    """When it was looked at."""
    records: list[Record]
    cells: list[CellEntry]
    open: list[OpenEntry]
    text: Callable[[int], str]
    """String number to text."""
    dropped: int
    """Records lost so far: overwritten before they were read."""
    holes: int
    """Records that were claimed and never written, so far."""
    errors: int
    """The probe's own errors so far."""
    ended_before: int = 0
    """Requests that had ended when the reading began."""
    no_slot: int = 0
    """Requests so far that found no room in the open table."""
    no_name: int = 0
    """Strings so far that found no room: they have number 0."""
    no_cell: int = 0
    """Threads so far that found no cell of their own."""


SEPARATOR = "\x1f"


def clean_parts(text: str) -> str:
    """The same string, each of its parts harmless for a terminal."""
    return SEPARATOR.join([clean(part) for part in text.split(SEPARATOR)])


def endpoint(text: str) -> Endpoint:
    """An endpoint from the one string that the probe makes of it."""
    parts = [*text.split(SEPARATOR), "", "", "", "", ""]
    return Endpoint(*parts[:5])

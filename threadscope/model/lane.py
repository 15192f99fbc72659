"""The last minute of a thread: which request it served when, and how much CPU it got."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What a thread is there for."""

    LOOP = "event loop"
    WORKER = "worker"
    PROBE = "probe"
    OTHER = "other"


class Span(NamedTuple):
    """A stretch of a thread's time that belonged to a request (or to several short ones)."""

    begin: int
    end: int
    request: int
    """Its number; the last one's where `requests` > 1."""
    requests: int
    busy: int
    """ns within begin..end in which one of the requests was really there."""


class CpuPoint(NamedTuple):
    """A thread's CPU clock at a moment; the height of a lane is its slope."""

    t: int
    cpu_ns: int


class DepthPoint(NamedTuple):
    """From `t` on so many requests waited."""

    t: int
    depth: int


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """The last minute of one thread.

    Chunks are shared by many snapshots: a second or more each, oldest first, in the order of the
    ends.
    """

    pid: int
    tid: int
    label: str
    role: Role
    spans: tuple[tuple[Span, ...], ...]
    current: tuple[Span, ...]
    """Spans that go on; their `end` is the snapshot's time."""
    cpu: tuple[tuple[CpuPoint, ...], ...]
    active_at: int

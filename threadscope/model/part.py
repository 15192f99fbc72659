"""The processes of a server, each a part of it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Part(StrEnum):
    """What a process is there for."""

    SERVER = "server"
    SUPERVISOR = "supervisor"
    WORKER = "worker"
    HELPER = "helper"


class ProcessRow(NamedTuple):
    """One process of the server, now."""

    pid: int
    part: Part
    cpu_percent: float | None
    """Over about the last second."""
    open: int
    """Requests that are in it."""
    ended: int
    """Requests that ended in it, by its own count."""

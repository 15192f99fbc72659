"""What lints look at: the same for the last seconds and for a whole measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from threadscope.model.snapshot import (
    Finding,
    Hold,
    ProcessSummary,
    Role,
    RouteSummary,
    ThreadRow,
    ThreadSummary,
)


@dataclass(frozen=True, slots=True)
class Observation:
    """A stretch of time."""

    seconds: float
    routes: tuple[RouteSummary, ...] = ()
    holds: tuple[Hold, ...] = ()
    """Long steps, oldest first."""
    processes: tuple[ProcessSummary, ...] = ()
    threads: tuple[ThreadSummary, ...] = ()
    cpus: int = 1
    """Cores of the host."""
    done: int = 0
    """Answered to our clients, or not answered and given up."""
    failed: int = 0
    load_percent: float | None = None
    """CPU of our load, in percent of one core."""
    lost: int = 0
    """Events that were never read."""
    stopped: float = 0.0
    """Seconds of it in which a process of the server stood still, because somebody stopped it."""


class Judge(Protocol):
    """Says what is wrong in an observation; see `lints.Lints`."""

    @property
    def hold_ns(self) -> int:
        """From which length on a step is of interest."""
        ...

    def phase(self, observation: Observation) -> tuple[Finding, ...]:
        """What was wrong in a measurement, the worst first."""
        ...

    def live(self, observation: Observation, at: int) -> tuple[Finding, ...]:
        """What is wrong at `at`, the worst first; what was found stays for a while."""
        ...


class Silent:
    """Finds nothing: for those who only look."""

    hold_ns = 100_000_000

    def phase(self, observation: Observation) -> tuple[Finding, ...]:
        """Nothing."""
        return ()

    def live(self, observation: Observation, at: int) -> tuple[Finding, ...]:
        """Nothing."""
        return ()


def thread_now(row: ThreadRow) -> ThreadSummary:
    """A row of the screen as a summary of the last second."""
    return ThreadSummary(
        row.pid, row.tid, row.label, row.role, row.cpu_percent, row.wait_percent, None, None,
        row.hops,
    )  # fmt: skip


def of_the_app(threads: tuple[ThreadSummary, ...]) -> tuple[ThreadSummary, ...]:
    """Without the probe's own."""
    return tuple(thread for thread in threads if thread.role is not Role.PROBE)

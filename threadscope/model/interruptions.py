"""What stands still: a process of the server that somebody has stopped."""

from __future__ import annotations

from threadscope.model.sample import ProcessSample
from threadscope.model.units import duration


class Interruptions:
    """Says when a process stands still, and when it goes on."""

    def __init__(self) -> None:
        self._stopped: dict[int, int] = {}
        """Processes, and since when they are."""

    def sampled(self, sample: ProcessSample) -> str:
        """The kernel says what the threads of a process do.

        Returns:
            What to note; "" when that is no news.
        """
        pid, states = sample.pid, {thread.state for thread in sample.threads}
        if states == {"T"}:
            known = pid in self._stopped
            self._stopped.setdefault(pid, sample.t)
            return "" if known else _stopped(pid)
        since = self._stopped.pop(pid, None)
        if since is None:
            return ""
        return f"process {pid} goes on, {duration(sample.t - since)} after it was stopped"

    def gone(self, pid: int) -> None:
        """A process has ended."""
        self._stopped.pop(pid, None)

    def over(self) -> None:
        """All of them have."""
        self._stopped.clear()

    @property
    def now(self) -> str:
        """Which stands still; "" when none does."""
        return _stopped(min(self._stopped)) if self._stopped else ""


def _stopped(pid: int) -> str:
    return f"process {pid} is stopped: `kill -CONT {pid}` lets it go on"

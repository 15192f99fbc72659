"""What the monitor itself costs."""

from __future__ import annotations

import time


class OwnCpu:
    """The monitor's own CPU, over about a second."""

    def __init__(self) -> None:
        self._then: tuple[int, int] | None = None
        self._percent: float | None = None

    def percent(self, t: int) -> float | None:
        """Percent of one core; None in the first second."""
        cpu = time.process_time_ns()
        if self._then is None:
            self._then = t, cpu
        elif t - self._then[0] >= 1_000_000_000:
            self._percent = (cpu - self._then[1]) / (t - self._then[0]) * 100
            self._then = t, cpu
        return self._percent

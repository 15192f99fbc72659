"""How late heartbeats came, over the last second."""

from __future__ import annotations

from collections import deque

from threadscope.model.windows import SECOND

LAG_WINDOW_NS = SECOND


class Lags:
    """Of one kind of heartbeat, all processes together."""

    def __init__(self) -> None:
        self._lags: deque[tuple[int, int]] = deque()

    def add(self, t: int, lag: int) -> None:
        """One came at t, so many ns late."""
        self._lags.append((t, lag))

    def worst(self, at: int) -> int | None:
        """Of the last second before `at`, ns; None where none came."""
        lags = self._lags
        while lags and lags[0][0] < at - LAG_WINDOW_NS:
            lags.popleft()
        return max((lag for _, lag in lags), default=None)

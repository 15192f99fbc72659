"""A thread's CPU clock over the last minute."""

from __future__ import annotations

from threadscope.model.lane import CpuPoint
from threadscope.model.windows import Chunks

LITTLE_NS = 1_000_000
"""A clock that moved by less stands, until it has moved so far: nobody could see it in a lane."""


class CpuClock:
    """Points wherever the clock's pace changed: a thousand idle threads have few."""

    __slots__ = ("_ns", "_points", "_stands", "_until")

    def __init__(self) -> None:
        self._points: Chunks[CpuPoint] = Chunks()
        self._ns = -LITTLE_NS
        self._stands = False
        """The last two points say the same."""
        self._until = 0
        """When it was last read to stand where it stood; 0: there is a point for that."""

    def read(self, t: int, ns: int) -> None:
        """The clock says `ns` at t."""
        same = 0 <= ns - self._ns < LITTLE_NS
        if same and self._stands:
            self._until = t
            return
        if self._until:
            self._points.append(self._until, CpuPoint(self._until, self._ns))
        self._stands, self._until = same, 0
        if not same:
            self._ns = ns
        self._points.append(t, CpuPoint(t, self._ns))

    def chunks(self) -> tuple[tuple[CpuPoint, ...], ...]:
        """The points, oldest first; between two of them the clock goes on evenly."""
        return self._points.chunks()

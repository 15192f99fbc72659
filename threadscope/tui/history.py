"""The snapshots of the last minute, so that a pause can step back and forth."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from threadscope.model.snapshot import PhaseState, Snapshot

KEEP_NS = 60_000_000_000
"""How far one can step back."""


class History:
    """Snapshots in order of time. Cheap: they share most of what they hold."""

    def __init__(self) -> None:
        self._kept: deque[Snapshot] = deque()
        self._measured: Snapshot | None = None
        self.before: Snapshot | None = None
        """The last picture of the variant that was under load before the present one."""

    def __len__(self) -> int:
        return len(self._kept)

    def all(self) -> list[Snapshot]:
        """Oldest first."""
        return list(self._kept)

    @property
    def latest(self) -> Snapshot | None:
        """The newest."""
        return self._kept[-1] if self._kept else None

    def add(self, snapshot: Snapshot) -> None:
        """Keep one more, and forget what is older than a minute."""
        self._look_at_variant(snapshot)
        self._kept.append(snapshot)
        while self._kept[0].at < snapshot.at - KEEP_NS:
            self._kept.popleft()

    def _look_at_variant(self, snapshot: Snapshot) -> None:
        phase, last = snapshot.phase, self._measured
        if phase.state is not PhaseState.MEASURE or not phase.variant.key:
            return  # what settles or drains is no picture of it
        if last is not None and last.phase.variant != phase.variant:
            self.before = last
        self._measured = snapshot

    def step(self, shown: Snapshot, by: int) -> Snapshot:
        """The snapshot so many before (below 0) or after the shown one, or the last that way."""
        i = bisect_left(self._kept, shown.at, key=lambda kept: kept.at)
        return self._kept[min(len(self._kept) - 1, max(0, i + by))]

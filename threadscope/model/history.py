"""Snapshots in order of time: what one can go back and forth in, live or in a saved session."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise

from threadscope.model.snapshot import PhaseState, Snapshot

KEEP_NS = 60_000_000_000
"""How far one can step back while an observation goes on."""
MOST = 4096
"""Snapshots of a saved session: 17 minutes at four a second; of a longer one every second one."""

MOST_ROWS = 30_000
"""Threads that a minute may hold, at about a kilobyte each. Of up to 125 threads there are four
snapshots a second, of 1,000 there is one in two seconds."""
ROUTE_ROWS = 4
"""A route counts as so many threads, with its latencies and its slowest requests."""


def _at(snapshot: Snapshot) -> int:
    return snapshot.at


def _is_measured(snapshot: Snapshot) -> bool:
    return snapshot.phase.state is PhaseState.MEASURE and bool(snapshot.phase.variant.key)


def _differ(before: Snapshot, after: Snapshot) -> bool:
    known = {finding.lint for finding in before.findings}
    new = any(finding.lint not in known for finding in after.findings)
    return new or before.behaviour.word != after.behaviour.word


class History:
    """Snapshots in order of time. Cheap: they share most of what they hold.

    Args:
        keep_ns: what is older than this is forgotten; None: keep all, thinned out to `MOST`.
    """

    def __init__(self, keep_ns: int | None = KEEP_NS) -> None:
        self._keep_ns = keep_ns
        self._kept: list[Snapshot] = []
        self._every, self._skipped = 1, 0
        self._measured: Snapshot | None = None
        self._before: Snapshot | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def all(self) -> list[Snapshot]:
        """Oldest first."""
        return list(self._kept)

    @property
    def latest(self) -> Snapshot | None:
        """The newest."""
        return self._kept[-1] if self._kept else None

    @property
    def first(self) -> Snapshot | None:
        """The oldest."""
        return self._kept[0] if self._kept else None

    def add(self, snapshot: Snapshot) -> None:
        """Keep one more, and forget what there is no room for."""
        if self._keep_ns is not None:
            if self._is_close(snapshot):
                self._kept[-1] = snapshot
            else:
                self._kept.append(snapshot)
            old = bisect_left(self._kept, snapshot.at - self._keep_ns, key=_at)
            del self._kept[:old]
            self._look_at_variant(snapshot)
            return
        self._skipped += 1
        if self._skipped >= self._every:
            self._skipped = 0
            self._kept.append(snapshot)
        if len(self._kept) > MOST:
            self._kept = self._kept[::2]
            self._every *= 2

    def _is_close(self, snapshot: Snapshot) -> bool:
        """Whether the newest one kept is still too near to the one before it, for what it holds."""
        if len(self._kept) < 2 or self._keep_ns is None:
            return False
        rows = len(snapshot.threads) + ROUTE_ROWS * len(snapshot.routes)
        apart = self._keep_ns * rows // MOST_ROWS
        return self._kept[-1].at - self._kept[-2].at < apart

    def _look_at_variant(self, snapshot: Snapshot) -> None:
        last = self._measured
        if not _is_measured(snapshot):
            return  # what settles or drains is no picture of it
        if last is not None and last.phase.variant != snapshot.phase.variant:
            self._before = last
        self._measured = snapshot

    def before(self, shown: Snapshot) -> Snapshot | None:
        """The last picture of the variant that was under load before the shown one's."""
        if self._keep_ns is not None:
            return self._before
        i = bisect_right(self._kept, shown.at, key=_at)
        others = (
            one
            for one in reversed(self._kept[:i])
            if _is_measured(one) and one.phase.variant != shown.phase.variant
        )
        return next(others, None)

    def replace_latest(self, snapshot: Snapshot) -> None:
        """Put another one in the newest one's place."""
        self._kept[-1:] = [snapshot]

    def at(self, t: int) -> Snapshot | None:
        """What was seen at a moment: the newest that is no younger, or the oldest."""
        kept = self._kept
        return kept[max(bisect_right(kept, t, key=_at) - 1, 0)] if kept else None

    def step(self, shown: Snapshot, by: int) -> Snapshot:
        """The snapshot so many before (below 0) or after the shown one, or the last that way."""
        i = bisect_left(self._kept, shown.at, key=_at)
        return self._kept[min(len(self._kept) - 1, max(0, i + by))]

    def change(self, shown: Snapshot, by: int) -> Snapshot | None:
        """Where the word for the behaviour changes next, or something new is found.

        Args:
            shown: from here on.
            by: below 0: backwards.

        Returns:
            The first picture after the change; None: nothing changes.
        """
        kept = self._kept
        i = bisect_left(kept, shown.at, key=_at)
        pairs: Iterable[tuple[Snapshot, Snapshot]] = pairwise(kept[i:])
        if by < 0:
            pairs = reversed(list(pairwise(kept[:i])))
        return next((b for a, b in pairs if _differ(a, b)), None)

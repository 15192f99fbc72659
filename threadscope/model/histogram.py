"""A histogram of durations with a bounded relative error and a bounded size.

Buckets are log-linear (the idea of HdrHistogram): each power of two is cut into 128 equal parts,
so that a value is known to within 1/128 of itself, half of that when the middle is reported. Our
own, because it sits in the generator's hot path (one dict update a value) and in pure `model`.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence

from threadscope.model.snapshot import Latency

SUB_BITS = 7
"""Each power of two is cut into 2 ** SUB_BITS parts."""
BITS = SUB_BITS + 1
HALF = 1 << SUB_BITS
MAX_NS = 1 << 42
"""73 minutes; longer values are counted in the last bucket."""
FRESH = 1024
"""So many durations at most wait to be counted."""
FEW = 32
"""Of a thousand routes most have fewer durations than this: they are merged as they are."""
MANY_BUCKETS = 64

_NONE = Latency()
"""Of no durations; always the same one, as there are many of them."""
PERCENT = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
SAMPLES_FOR = {"p50": 2, "p90": 10, "p95": 20, "p99": 100, "p999": 1000}
"""A percentile needs as many samples as make one of them lie beyond it."""


def bucket(ns: int) -> int:
    """Bucket of a duration in ns (negative ones count as 0)."""
    if ns < HALF:
        return ns if ns > 0 else 0
    if ns > MAX_NS:
        ns = MAX_NS
    shift = ns.bit_length() - BITS
    return (shift << SUB_BITS) + (ns >> shift)


def middle(index: int) -> int:
    """The duration in ns that stands for a bucket: its middle."""
    if index < 2 * HALF:
        return index
    shift = (index >> SUB_BITS) - 1
    low = (index - (shift << SUB_BITS)) << shift
    return low + (1 << shift) // 2


class Histogram:
    """Counts durations. Errors: at most 0.4 % of a value (1/256); min, max and mean are exact.

    What was added is counted when somebody looks, many at a time: that is three times as fast.
    """

    __slots__ = ("_coarse", "_count", "_counts", "_fresh", "_max", "_min", "_total")

    def __init__(self) -> None:
        self._counts: Counter[int] | None = None
        self._count = self._total = self._min = self._max = self._coarse = 0
        self._fresh: list[int] = []

    def add(self, ns: int) -> None:
        """Counts one duration."""
        fresh = self._fresh
        fresh.append(ns)
        if len(fresh) >= FRESH:
            self._settle()

    def extend(self, durations: list[int]) -> None:
        """Counts many."""
        self._fresh += durations
        if len(self._fresh) >= FRESH:
            self._settle()

    def _settle(self) -> None:
        fresh = self._fresh
        if not fresh:
            return
        low, high = min(fresh), max(fresh)
        if low < HALF or high > MAX_NS:
            self._buckets().update([bucket(ns) for ns in fresh])
        else:  # the same, without a call for each
            self._buckets().update(
                [((b := ns.bit_length() - BITS) << SUB_BITS) + (ns >> b) for ns in fresh]
            )
        self._min = min(self._min, low) if self._count else low
        self._max = max(self._max, high)
        self._count += len(fresh)
        self._total += sum(fresh)
        fresh.clear()

    def _buckets(self) -> Counter[int]:
        if self._counts is None:
            self._counts = Counter()
        return self._counts

    @property
    def counts(self) -> Counter[int]:
        """How many durations each bucket has."""
        self._settle()
        return self._buckets()

    @property
    def count(self) -> int:
        """How many durations there are."""
        return self._count + len(self._fresh)

    @property
    def total(self) -> int:
        """Their sum, ns."""
        self._settle()
        return self._total

    @property
    def min(self) -> int:
        """The shortest, ns; 0 where there is none."""
        self._settle()
        return self._min

    @property
    def max(self) -> int:
        """The longest, ns; 0 where there is none."""
        self._settle()
        return self._max

    def merge(self, other: Histogram) -> None:
        """Adds another histogram's counts to this one."""
        if not other._count and len(other._fresh) < FEW:
            self._fresh += other._fresh
            if len(self._fresh) >= FRESH:
                self._settle()
            return
        other._settle()  # once for all that it is merged into
        self._settle()
        counts = self._buckets()
        if counts:
            known = counts.get
            for index, count in other._buckets().items():
                counts[index] = known(index, 0) + count
        else:
            counts.update(other._buckets())
        self._min = min(self._min, other._min) if self._count else other._min
        self._max = max(self._max, other._max)
        self._count += other._count
        self._total += other._total

    def unmerge(self, other: Histogram) -> None:
        """Takes counts out again that were merged; min and max stay until `bound` sets them."""
        self._settle()
        counts = self._buckets()
        for index, count in other.counts.items():
            left = counts[index] - count
            if left:
                counts[index] = left
            else:
                del counts[index]
        self._count -= other.count
        self._total -= other.total

    def bound(self, parts: Iterable[Histogram]) -> None:
        """Sets min and max, by the parts that it is the sum of."""
        self._settle()
        known = [part for part in parts if part.count]
        self._min = min((part.min for part in known), default=0)
        self._max = max((part.max for part in known), default=0)

    def coarsen(self) -> None:
        """Keeps an eighth of the buckets where there are many: the error grows to 3 %."""
        self._settle()
        if self._counts is None or len(self._counts) <= max(MANY_BUCKETS, 2 * self._coarse):
            return
        fine, self._counts = self._counts, Counter()
        for index, count in fine.items():
            self._counts[index if index < 2 * HALF else index & ~7 | 4] += count
        self._coarse = len(self._counts)  # that many there will be again: wait for twice as many

    def percentile(self, percent: float) -> int:
        """The smallest duration that `percent` of the values do not exceed, in ns.

        Raises:
            ValueError: the histogram is empty.
        """
        if not self.count:
            raise ValueError("an empty histogram has no percentiles")
        return self._ranked([self._rank(percent)])[0]

    def _rank(self, percent: float) -> int:
        # rounded first: 99.9 % of 1,000 is 999, and a hair more in binary fractions
        return max(1, math.ceil(round(self.count * percent / 100, 6)))

    def _ranked(self, ranks: Sequence[int]) -> list[int]:
        """The durations of these ranks, which rise; in one go over the buckets."""
        seen, out, waiting = 0, list[int](), deque(ranks)
        for index, count in sorted(self.counts.items()):
            seen += count
            while waiting and seen >= waiting[0]:
                waiting.popleft()
                out.append(min(max(middle(index), self._min), self._max))
            if not waiting:
                break
        return out

    def latency(self) -> Latency:
        """The figures people ask for; a percentile only where there are samples for it."""
        count = self.count
        if not count:
            return _NONE
        names = [name for name, needed in SAMPLES_FOR.items() if count >= needed]
        known = dict(zip(names, self._ranked([self._rank(PERCENT[x]) for x in names]), strict=True))
        total = self.total  # all are counted now
        return Latency(count=count, min=self._min, max=self._max, mean=total / count, **known)

    def to_json(self) -> dict[str, object]:
        """A form that `from_json` reads back."""
        return {
            "counts": sorted(self.counts.items()),
            "total": self.total,
            "min": self.min,
            "max": self.max,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Histogram:
        """Reads `to_json`'s form.

        Raises:
            ValueError, TypeError, KeyError: it is not that form.
        """
        new = cls()
        pairs = data["counts"]
        if not isinstance(pairs, Iterable):
            raise TypeError("counts must be pairs")
        for index, count in pairs:
            new.counts[int(index)] += int(count)
        new._count = sum(new.counts.values())
        new._total, new._min, new._max = (int(str(data[k])) for k in ("total", "min", "max"))
        return new

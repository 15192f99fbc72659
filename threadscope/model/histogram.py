"""A histogram of durations with a bounded relative error and a bounded size.

Buckets are log-linear (the idea of HdrHistogram): each power of two is cut into 128 equal parts,
so that a value is known to within 1/128 of itself, half of that when the middle is reported. Our
own, because it sits in the generator's hot path (one dict update a value) and in pure `model`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from threadscope.model.snapshot import Latency

SUB_BITS = 7
HALF = 1 << SUB_BITS
MAX_NS = 1 << 42
"""73 minutes; longer values are counted in the last bucket."""

PERCENT = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
SAMPLES_FOR = {"p50": 2, "p90": 10, "p95": 20, "p99": 100, "p999": 1000}
"""A percentile needs as many samples as make one of them lie beyond it."""


def bucket(ns: int) -> int:
    """Bucket of a duration in ns (negative ones count as 0)."""
    if ns < HALF:
        return max(ns, 0)
    ns = min(ns, MAX_NS)
    shift = ns.bit_length() - SUB_BITS - 1
    return (shift << SUB_BITS) + (ns >> shift)


def middle(index: int) -> int:
    """The duration in ns that stands for a bucket: its middle."""
    if index < 2 * HALF:
        return index
    shift = (index >> SUB_BITS) - 1
    low = (index - (shift << SUB_BITS)) << shift
    return low + (1 << shift) // 2


class Histogram:
    """Counts durations. Errors: at most 0.4 % of a value (1/256); min, max and mean are exact."""

    __slots__ = ("count", "counts", "max", "min", "total")

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.count = 0
        self.total = 0
        self.min = 0
        self.max = 0

    def add(self, ns: int) -> None:
        """Counts one duration."""
        self.counts[bucket(ns)] += 1
        self.min = ns if not self.count or ns < self.min else self.min
        self.max = max(self.max, ns)
        self.count += 1
        self.total += ns

    def merge(self, other: Histogram) -> None:
        """Adds another histogram's counts to this one."""
        if not other.count:
            return
        self.min = min(self.min, other.min) if self.count else other.min
        self.max = max(self.max, other.max)
        self.counts.update(other.counts)
        self.count += other.count
        self.total += other.total

    def percentile(self, percent: float) -> int:
        """The smallest duration that `percent` of the values do not exceed, in ns.

        Raises:
            ValueError: the histogram is empty.
        """
        if not self.count:
            raise ValueError("an empty histogram has no percentiles")
        # rounded first: 99.9 % of 1,000 is 999, and a hair more in binary fractions
        rank = max(1, math.ceil(round(self.count * percent / 100, 6)))
        seen = 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= rank:
                return min(max(middle(index), self.min), self.max)
        return self.max

    def latency(self) -> Latency:
        """The figures people ask for; a percentile only where there are samples for it."""
        if not self.count:
            return Latency()
        known = {
            name: self.percentile(PERCENT[name])
            for name, needed in SAMPLES_FOR.items()
            if self.count >= needed
        }
        return Latency(
            count=self.count, min=self.min, max=self.max, mean=self.total / self.count, **known
        )

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
        new.count = sum(new.counts.values())
        new.total, new.min, new.max = (int(str(data[k])) for k in ("total", "min", "max"))
        return new

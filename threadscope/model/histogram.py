"""A histogram of durations with a bounded relative error and a bounded size.

Buckets are log-linear (the idea of HdrHistogram): each power of two is cut into 128 equal parts,
so that a value is known to within 1/128 of itself, half of that when the middle is reported. Our
own, because it sits in the generator's hot path (one list item a value) and in pure `model`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from operator import add, sub

from threadscope.model.snapshot import Latency

SUB_BITS = 7
"""Each power of two is cut into 2 ** SUB_BITS parts."""
BITS = SUB_BITS + 1
HALF = 1 << SUB_BITS
MAX_NS = 1 << 42
"""73 minutes; longer values are counted in the last bucket."""
FRESH = 1024
"""So many durations at most wait to be counted."""
FEW, MANY = 32, 64
"""Of a thousand routes most have fewer durations than this: they are merged as they are. So many at
a time are counted at once."""
MANY_BUCKETS, COARSE = 64, 8
"""Of more counts than this a coarse histogram keeps an eighth."""

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

    What was added is counted when somebody looks, or when it is much. The counts lie side by side,
    from the lowest bucket in use to the highest: to add two histograms, and to go through one, is
    a few calls, not some for each bucket.
    """

    __slots__ = ("_count", "_counts", "_fresh", "_low", "_max", "_min", "_step", "_total")

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._low = 0
        """The place of the first one: a bucket's number, divided by `_step`."""
        self._step = 1
        """So many buckets share a count."""
        self._count = self._total = self._min = self._max = 0
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
        if len(self._fresh) >= MANY:  # now they are at hand
            self._settle()

    def _settle(self) -> None:
        fresh = self._fresh
        if not fresh:
            return
        low, high, step = min(fresh), max(fresh), self._step
        self._reach(bucket(low) // step, bucket(high) // step)
        counts, first = self._counts, self._low
        if step > 1 or low < HALF or high > MAX_NS:
            for ns in fresh:
                counts[bucket(ns) // step - first] += 1
        else:  # the same, without a call for each
            for ns in fresh:
                shift = ns.bit_length() - BITS
                counts[(shift << SUB_BITS) + (ns >> shift) - first] += 1
        self._min = min(self._min, low) if self._count else low
        self._max = max(self._max, high)
        self._count += len(fresh)
        self._total += sum(fresh)
        fresh.clear()

    def _reach(self, low: int, high: int) -> None:
        """Makes room for counts from one place to another one, both included."""
        counts = self._counts
        if not counts:
            self._low = low
        elif low < self._low:
            counts[:0] = [0] * (self._low - low)
            self._low = low
        more = high + 1 - self._low - len(counts)
        if more > 0:
            counts += [0] * more

    @property
    def counts(self) -> dict[int, int]:
        """How many durations each bucket has, where it has any, in ascending order."""
        self._settle()
        step, half = self._step, self._step // 2
        return {
            place * step + half: count
            for place, count in enumerate(self._counts, self._low)
            if count
        }

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
        if not self._count:
            self._counts, self._low, self._step = other._counts.copy(), other._low, other._step
        else:
            if self._step < other._step:
                self._share(other._step)
            self._put(add, other)
        self._min = min(self._min, other._min) if self._count else other._min
        self._max = max(self._max, other._max)
        self._count += other._count
        self._total += other._total

    def _put(self, how: Callable[[int, int], int], other: Histogram) -> None:
        """Adds the counts of another one, or subtracts them; they are no coarser."""
        theirs, low = other._counts, other._low
        if other._step < self._step:
            theirs, low = _shared(theirs, low, self._step // other._step)
        self._reach(low, low + len(theirs) - 1)
        begin = low - self._low
        end = begin + len(theirs)
        self._counts[begin:end] = map(how, self._counts[begin:end], theirs)

    def unmerge(self, other: Histogram) -> None:
        """Takes counts out again that were merged; min and max stay until `bound` sets them."""
        other._settle()
        self._settle()
        self._put(sub, other)
        self._count -= other._count
        self._total -= other._total

    def bound(self, parts: Iterable[Histogram]) -> None:
        """Sets min and max, by the parts that it is the sum of."""
        self._settle()
        known = [part for part in parts if part.count]
        self._min = min((part.min for part in known), default=0)
        self._max = max((part.max for part in known), default=0)

    def coarsen(self) -> None:
        """Keeps an eighth of the counts where there are many: the error grows to 3 %."""
        self._settle()
        if self._step == 1 and len(self._counts) > MANY_BUCKETS:
            self._share(COARSE)

    def _share(self, step: int) -> None:
        """Lets so many buckets share a count."""
        self._counts, self._low = _shared(self._counts, self._low, step // self._step)
        self._step = step

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
        """The durations of these ranks."""
        self._settle()
        seen = list(accumulate(self._counts))
        step, low = self._step, self._low
        found = [middle((bisect_left(seen, rank) + low) * step + step // 2) for rank in ranks]
        return [min(max(one, self._min), self._max) for one in found]

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
            "counts": list(self.counts.items()),
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
        known = [(int(index), int(count)) for index, count in pairs]
        if known:
            low, high = min(known)[0], max(known)[0]
            if low < 0 or high > bucket(MAX_NS):
                raise ValueError("there is no such bucket")
            new._reach(low, high)
        for index, count in known:
            new._counts[index - new._low] += count
        new._count = sum(new._counts)
        new._total, new._min, new._max = (int(str(data[k])) for k in ("total", "min", "max"))
        return new


def _shared(counts: list[int], low: int, by: int) -> tuple[list[int], int]:
    """The sums of so many neighbours each, and the place of the first."""
    begin = low // by
    padded = [0] * (low - begin * by) + counts
    padded += [0] * (-len(padded) % by)
    return [sum(padded[at : at + by]) for at in range(0, len(padded), by)], begin

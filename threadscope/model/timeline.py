"""How many requests were open, wanted service or ran on threads, at each moment.

Time is cut into buckets of 100 ms that count from an origin: the state between two events goes
into them as it passes, steps and CPU as they become known, afterwards.
"""

from __future__ import annotations

from threadscope.model.behaviour import Evidence

BUCKET_NS = 100_000_000
KEPT = 600
"""Buckets: a minute."""
UNSEEN_NS = 600_000_000_000
"""When nobody looked for so long, the state at the last look says nothing of what was."""
PIECE_NS = 100_000
"""Less than a thousandth of a bucket is not cut up: ten thousand requests may wait for long and do
little."""


class Timeline:
    """Integrates the state of the server over time."""

    def __init__(self, origin: int) -> None:
        self.origin = origin
        self._now = origin
        self._buckets: dict[int, Evidence] = {}
        self._present, self._present_end = Evidence(), origin
        """The bucket of the moment, and where it ends."""
        self._marked = 0
        self._before = Evidence()
        """Sum of the buckets from the mark on that were dropped."""
        self.open = 0
        self.in_flight: int | None = None
        self.hops = 0
        self.open_max = 0
        self.hops_max = 0

    def restart(self, origin: int) -> None:
        """Forgets what was summed; the state of the moment stays."""
        self.origin = self._now = self._present_end = origin
        self._buckets.clear()
        self.mark(origin)

    def mark(self, t: int) -> None:
        """A measurement begins: from here on nothing is dropped from the sum, nor the maxima."""
        self._marked = (t - self.origin) // BUCKET_NS
        self._before = Evidence()
        self.open_max, self.hops_max = self.open, self.hops

    def _bucket(self, index: int) -> Evidence:
        bucket = self._buckets.get(index)
        if bucket is None:
            bucket = self._buckets[index] = Evidence()
            if len(self._buckets) > KEPT:
                oldest = min(self._buckets)
                dropped = self._buckets.pop(oldest)
                if oldest >= self._marked:
                    self._before.add(_wanted_part(dropped))
        return bucket

    def pass_to(self, t: int) -> None:
        """Lets the present state last until t; a t that is past already changes nothing."""
        if t - self._now > UNSEEN_NS:
            self._now = t - KEPT * BUCKET_NS
        while self._now < t:
            if self._now >= self._present_end:
                index = (self._now - self.origin) // BUCKET_NS
                self._present = self._bucket(index)
                self._present_end = self.origin + (index + 1) * BUCKET_NS
            until = t if t < self._present_end else self._present_end
            passed, bucket, is_open = until - self._now, self._present, self.open
            bucket.seen += passed
            bucket.open += is_open * passed
            if is_open >= 2 or (self.in_flight is not None and self.in_flight >= 2):
                bucket.wanted += passed
                if is_open <= 1:
                    bucket.alone += passed
                if self.hops <= 1:
                    bucket.one_hop += passed
            self._now = until

    def opened(self, by: int) -> None:
        """So many more requests are open."""
        self.open += by
        if self.open < 0:
            self.open = 0
        if self.open > self.open_max:
            self.open_max = self.open

    def hopped(self, by: int) -> None:
        """So many more hops run."""
        self.hops += by
        if self.hops < 0:
            self.hops = 0
        if self.hops > self.hops_max:
            self.hops_max = self.hops

    def held(self, begin: int, end: int, amount: int) -> None:
        """Steps held the event loop for so many ns between two moments."""
        if amount:
            self._spread("held", begin, end, amount)

    def used(self, begin: int, end: int, cpu_ns: int) -> None:
        """The server used so much CPU between two moments."""
        self._spread("cpu", begin, end, cpu_ns)

    def _spread(self, name: str, begin: int, end: int, amount: int) -> None:
        """Puts an amount into the buckets that it overlaps, for the part in which it counts."""
        if end <= begin:
            return
        pieces = max(int(amount) // PIECE_NS, 1)
        if end - begin > 2 * pieces * BUCKET_NS:
            self._sprinkle(name, begin, end, amount, pieces)
            return
        # a stream may have begun hours ago: only what is kept is gone through
        begin_kept = max(begin, self.origin, self._now - KEPT * BUCKET_NS)
        if self._present_end - BUCKET_NS <= begin_kept == begin and end <= self._present_end:
            setattr(self._present, name, getattr(self._present, name) + float(amount))
            return
        while begin_kept < end:
            index = (begin_kept - self.origin) // BUCKET_NS
            until = min(end, self.origin + (index + 1) * BUCKET_NS)
            bucket = self._buckets.get(index) or self._bucket(index)
            part = amount * (until - begin_kept) / (end - begin)
            setattr(bucket, name, getattr(bucket, name) + part)
            begin_kept = until

    def _sprinkle(self, name: str, begin: int, end: int, amount: int, pieces: int) -> None:
        """The same in pieces, where there would be hardly anything in each of many buckets."""
        width = (end - begin) // pieces
        first = max(self.origin, self._now - KEPT * BUCKET_NS)
        for t in range(begin + width // 2, end, width):
            if t >= first:
                bucket = self._bucket((t - self.origin) // BUCKET_NS)
                setattr(bucket, name, getattr(bucket, name) + amount / pieces)

    def evidence(self, begin: int, end: int) -> Evidence:
        """The sum of the whole buckets between two moments.

        Steps and CPU are known for all of a bucket: the share of it that was wanted counts.
        """
        first = max(-(-(begin - self.origin) // BUCKET_NS), 0)
        last = (end - self.origin) // BUCKET_NS
        total = Evidence()
        if first <= self._marked + 1:
            total.add(self._before)
        for index, bucket in self._buckets.items():
            if first <= index < last and bucket.seen:
                total.add(_wanted_part(bucket))
        return total


def _wanted_part(bucket: Evidence) -> Evidence:
    share = bucket.wanted / bucket.seen if bucket.seen else 0.0
    return Evidence(
        bucket.seen, bucket.wanted, bucket.alone, bucket.one_hop,
        bucket.held * share, bucket.cpu * share, bucket.open,
    )  # fmt: skip

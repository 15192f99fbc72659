"""How many requests were open, wanted service or ran on threads, at each moment.

Time is cut into buckets of 100 ms that count from an origin. The state goes into them when it
becomes another one in what counts (most requests change only how many are open), at the end of each
bucket, and when somebody looks; steps and CPU go in as they become known, afterwards.
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
        self.now = self._since = origin
        """The moment, and up to when its bucket has all."""
        self._buckets: dict[int, Evidence] = {}
        self._present, self.present_end = Evidence(), origin
        """The bucket of the moment, and where it ends."""
        self._less = 0
        """What open requests times time since `_since` are less than if all had been open then."""
        self._marked = 0
        self._before = Evidence()
        """Sum of the buckets from the mark on that were dropped."""
        self.open = 0
        self._in_flight: int | None = None
        self._many = False
        """Whether two or more are in flight."""
        self.hops = 0
        self.open_max = 0
        self.hops_max = 0

    def restart(self, origin: int) -> None:
        """Forgets what was summed; the state of the moment stays."""
        self.origin = self.now = self._since = self.present_end = origin
        self._less = 0
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
        if t > self.present_end:
            self._cross(t)
        if t > self.now:
            self.now = t

    def _cross(self, t: int) -> None:
        """Goes on to the bucket of t."""
        if t - self.now > UNSEEN_NS:
            self._settle()
            self.now = self._since = t - KEPT * BUCKET_NS
        while t > self.present_end:
            if self.now < self.present_end:
                self.now = self.present_end
            self._settle()
            index = (self.now - self.origin) // BUCKET_NS
            self._present = self._bucket(index)
            self.present_end = self.origin + (index + 1) * BUCKET_NS

    def _settle(self) -> None:
        """Puts into the present bucket what has passed since that was done last."""
        passed, bucket, is_open = self.now - self._since, self._present, self.open
        self._since = self.now
        bucket.seen += passed
        bucket.open += is_open * passed - self._less
        self._less = 0
        if is_open >= 2 or self._many:
            bucket.wanted += passed
            if is_open <= 1:
                bucket.alone += passed
            if self.hops <= 1:
                bucket.one_hop += passed

    @property
    def in_flight(self) -> int | None:
        """Requests of our clients, None without any."""
        return self._in_flight

    @in_flight.setter
    def in_flight(self, count: int | None) -> None:
        many = count is not None and count >= 2
        if many != self._many:
            self._settle()
            self._many = many
        self._in_flight = count

    def opened(self) -> None:
        """One more request is open."""
        before = self.open
        if before == 1:
            self._settle()
        self._less += self.now - self._since
        self.open = after = before + 1
        if after > self.open_max:
            self.open_max = after

    def closed(self) -> None:
        """One less is open."""
        before = self.open
        if before == 2:
            self._settle()
        if before:
            self._less -= self.now - self._since
            self.open = before - 1

    def hop_began(self) -> None:
        """One more hop runs."""
        before = self.hops
        if before == 1:
            self._settle()
        self.hops = after = before + 1
        if after > self.hops_max:
            self.hops_max = after

    def hops_ended(self, count: int = 1) -> None:
        """So many less run."""
        before = self.hops
        after = before - count if before > count else 0
        if after < 2 <= before:
            self._settle()
        self.hops = after

    def held(self, begin: int, end: int, amount: int) -> None:
        """Steps held the event loop for so many ns between two moments."""
        if self.present_end - BUCKET_NS <= begin < end <= self.present_end:  # as most
            self._present.held += amount
        elif amount:
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
        begin_kept = max(begin, self.origin, self.now - KEPT * BUCKET_NS)
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
        first = max(self.origin, self.now - KEPT * BUCKET_NS)
        for t in range(begin + width // 2, end, width):
            if t >= first:
                bucket = self._bucket((t - self.origin) // BUCKET_NS)
                setattr(bucket, name, getattr(bucket, name) + amount / pieces)

    def evidence(self, begin: int, end: int) -> Evidence:
        """The sum of the whole buckets between two moments.

        Steps and CPU are known for all of a bucket: the share of it that was wanted counts.
        """
        self._settle()
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

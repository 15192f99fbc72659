"""Where records come from: one process's ring, and what is known of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from threadscope.model.records import Batch, Record, endpoint
from threadscope.model.requests import Ended
from threadscope.model.snapshot import Endpoint
from threadscope.model.text import clean

OTHER_ROUTES = Endpoint(route="(other routes)")
"""All that a ring had no room to name: it holds about a thousand names."""


class Ring:
    """Where records come from."""

    def __init__(self, pid: int, text: Callable[[int], str]) -> None:
        self.pid = pid
        self._text = text
        self.endpoints: dict[int, Endpoint] = {}
        self._plain: dict[int, str] = {}
        self.ended_on: dict[int, Record] = {}
        """The last END on each loop's thread: the record of its step comes yet."""
        self.ends: defaultdict[int, list[Ended]] = defaultdict(list)
        """Requests that ended and are not counted yet, by the number of their endpoint."""
        self.waits: list[tuple[int, int]] = []
        """The same of hops: when each ended, and how long it had waited, ns."""
        self.answers: list[Record] = []
        """The same of what clients of ours saw end."""
        self.ended = 0
        """The server's own count of ended requests."""
        self.websockets = 0
        """Open now."""
        self.checked = 0
        """When its open requests were last held against its open table."""
        self.errors = 0
        self.dropped = 0
        self.holes = 0
        self.lost_at = 0
        """When it was last seen that events were lost."""
        self.no_slot = self.no_name = self.no_cell = 0
        """What found no room in it, see `Batch`."""

    def counted(self, batch: Batch) -> None:
        """What one look says of the ring itself."""
        if (batch.dropped, batch.holes) != (self.dropped, self.holes):
            self.lost_at = batch.t
        self.dropped, self.holes, self.errors = batch.dropped, batch.holes, batch.errors
        self.no_slot, self.no_name = batch.no_slot, batch.no_name
        self.no_cell = batch.no_cell

    def endpoint(self, number: int) -> Endpoint:
        """The endpoint of a string number."""
        found = self.endpoints.get(number)
        if found is None:
            text = self._text(number)
            found = endpoint(text)
            if text:
                self.endpoints[number] = found
        return found

    def named(self, number: int) -> Endpoint:
        """The endpoint of a request that has reached one: the ring may have no room to name it."""
        return self.endpoint(number) if number or not self.no_name else OTHER_ROUTES

    def text(self, number: int) -> str:
        """The text of a string number, one that is no endpoint: without separators."""
        found = self._plain.get(number)
        if found is None:
            found = clean(self._text(number))
            if found:
                self._plain[number] = found
        return found

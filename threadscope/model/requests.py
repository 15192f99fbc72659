"""Requests from their records: which are open, and who asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass

from threadscope.model.snapshot import Endpoint
from threadscope.model.timeline import Timeline

ENDED_KEPT = 4096
"""In each of two lots."""
MOST_ASKED = 65_536
"""Unanswered at a time; a load has 10,000 clients at most, and some beside."""

NOBODY: tuple[int | None, int | None, str] = (None, None, "")
"""Who asked for a request that is not ours."""

Key = tuple[int, int]
"""pid and the request's number in that process."""


@dataclass(slots=True)
class OpenRequest:
    """A request between its arrival and its end."""

    arrived: int
    client_request: int
    endpoint: Endpoint
    started: bool = False
    recorded: int = 0
    """ns of its steps that came as records of their own."""
    hops: int = 0
    """Functions of it that ended on worker threads; what they took, ns:"""
    hop_cpu: int = 0
    hop_wait: int = 0
    hop_wall: int = 0
    late: bool = False
    """It waited before its endpoint was reached."""
    tabled: bool = False
    """It was seen in the open table."""


Ended = tuple[OpenRequest, int, int, int, bool, int | None, int, int, int, int]
"""A request that has ended: what was known of it, when, its number and status, whether it failed,
when its client asked (None: not ours), how many steps it had, their CPU, for how long they held the
event loop in all, and the longest. Times in ns."""


class Requests:
    """Those that are open, and who has ended just now.

    Args:
        timeline: is told when one opens or closes.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.open: dict[Key, OpenRequest] = {}
        self._ended: defaultdict[int, set[int]] = defaultdict(set)
        self._ended_before: defaultdict[int, set[int]] = defaultdict(set)
        """Requests that are over, by process, the last ones in two lots: the older lot goes as a
        whole. Numbers that follow each other lie side by side in a set; pairs would be all over."""
        self._many = 0
        """Of the newer lot."""

    def opened(
        self, key: Key, arrived: int, client_request: int, endpoint: Endpoint
    ) -> OpenRequest | None:
        """A request is open, if it was not known to be; None when it has ended already."""
        request = self.open.get(key)
        if request is None:
            pid, number = key
            if number in self._ended[pid] or number in self._ended_before[pid]:
                return None
            request = self.open[key] = OpenRequest(arrived, client_request, endpoint)
            self._timeline.opened()
        return request

    def closed(self, key: Key) -> OpenRequest | None:
        """A request is over; what was known of it."""
        pid, number = key
        self._ended[pid].add(number)
        self._many += 1
        if self._many > ENDED_KEPT:
            self._ended, self._ended_before, self._many = defaultdict(set), self._ended, 0
        request = self.open.pop(key, None)
        if request is not None:
            self._timeline.closed()
        return request


class Clients:
    """Our own load's side: what was asked and is not answered."""

    def __init__(self) -> None:
        self.asked: dict[int, tuple[int, int, str]] = {}
        """By request: when, by which client, and for which route; of others, see NOBODY."""
        self._doubted: dict[tuple[int, str], int] = {}
        self.used = False
        """Whether a load was seen at all."""

    def sent(self, request: int, t: int, client: int, route: str = "") -> int:
        """A client asks; how many requests are in flight then."""
        self.used = True
        if self._doubted:  # a client asks once at a time: it has its answer
            self.asked.pop(self._doubted.pop((client, route), 0), None)
        if len(self.asked) < MOST_ASKED:
            self.asked[request] = (t, client, route)
        return len(self.asked)

    def doubt(self) -> None:
        """Records were lost, and answers may be among them."""
        self._doubted = {
            (client, route): request for request, (_, client, route) in self.asked.items()
        }
        still = set(self._doubted.values())
        self.asked = {key: asked for key, asked in self.asked.items() if key in still}

    def done(self, request: int) -> int:
        """It is answered, or given up; how many requests are in flight then."""
        self.asked.pop(request, None)
        return len(self.asked)

    def routes(self, but: Container[int]) -> list[str]:
        """What is asked and not answered, without some requests."""
        return [route for number, (_, _, route) in self.asked.items() if number not in but]

    def forget(self) -> None:
        """The load is over: what was cut off is not in flight any more."""
        self.asked.clear()
        self._doubted.clear()

    @property
    def in_flight(self) -> int:
        """Asked and not answered."""
        return len(self.asked)

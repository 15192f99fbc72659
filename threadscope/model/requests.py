"""Requests from their records: which are open, who asked, what the log says of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass
from functools import partial

from threadscope.model.snapshot import Endpoint, Event, LogLine

LOG_LINES = 400
MOST_ASKED = 65_536
"""Unanswered at a time; a load has 10,000 clients at most, and some beside."""
ARRIVED_LONG_BEFORE_NS = 50_000_000
"""An arrival gets a line of its own when the start came so much later."""

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


new_line = partial(tuple.__new__, LogLine)
"""Half the price of LogLine(...), for thousands of them a second."""
_CLIENT_NS = LogLine._fields.index("client_ns")


def with_client_ns(line: LogLine, took: int) -> LogLine:
    """The same line with what the client saw: `_replace` costs five times as much."""
    return new_line((*line[:_CLIENT_NS], took, *line[_CLIENT_NS + 1 :]))


class Log:
    """The last lines of what happened, and what is still to be added to them."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self._added = 0
        self._unanswered: dict[int, int] = {}
        """Our client's request: which line waits for what the client saw."""
        self._early: dict[int, int] = {}
        """Answers that came before the server's own end."""

    def add(self, line: LogLine, client_request: int = 0) -> None:
        """Adds a line; an END of our own load is completed by `answered`."""
        if line.event is Event.END and client_request:
            early = self._early.pop(client_request, None)
            if early is not None:
                line = with_client_ns(line, early)
            else:
                self._unanswered[client_request] = self._added
                if len(self._unanswered) > LOG_LINES:  # its line has left the log
                    del self._unanswered[next(iter(self._unanswered))]
        self._lines.append(line)
        self._added += 1

    def answered(self, client_request: int, took: int) -> None:
        """A client of ours got its answer after `took` ns."""
        number = self._unanswered.pop(client_request, None)
        if number is None:
            self._early[client_request] = took
            if len(self._early) > LOG_LINES:
                del self._early[next(iter(self._early))]
            return
        index = number - (self._added - len(self._lines))
        if index >= 0:
            self._lines[index] = with_client_ns(self._lines[index], took)

    def note(self, t: int, text: str) -> None:
        """Adds a remark of threadscope's own."""
        self.add(LogLine(t, Event.NOTE, 0, None, Endpoint(), "", 0, 0, None, text))

    def lines(self) -> tuple[LogLine, ...]:
        """Oldest first."""
        return tuple(self._lines)

    @property
    def added(self) -> int:
        """Lines ever added."""
        return self._added


class Clients:
    """Our own load's side: what was asked and is not answered."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[int, int, str]] = {}
        self._doubted: dict[tuple[int, str], int] = {}
        self.used = False
        """Whether a load was seen at all."""

    def sent(self, request: int, t: int, client: int, route: str = "") -> None:
        """A client asks."""
        self.used = True
        if self._doubted:  # a client asks once at a time: it has its answer
            self._asked.pop(self._doubted.pop((client, route), 0), None)
        if len(self._asked) >= MOST_ASKED:
            return
        self._asked[request] = (t, client, route)

    def doubt(self) -> None:
        """Records were lost, and answers may be among them."""
        self._doubted = {
            (client, route): request for request, (_, client, route) in self._asked.items()
        }
        still = set(self._doubted.values())
        self._asked = {key: asked for key, asked in self._asked.items() if key in still}

    def done(self, request: int) -> None:
        """It is answered, or given up."""
        self._asked.pop(request, None)

    def who(self, request: int) -> int | None:
        """The client that asked."""
        asked = self._asked.get(request)
        return asked[1] if asked else None

    def sent_at(self, request: int) -> int | None:
        """When it asked."""
        asked = self._asked.get(request)
        return asked[0] if asked else None

    def routes(self, but: Container[int]) -> list[str]:
        """What is asked and not answered, without some requests."""
        return [route for number, (_, _, route) in self._asked.items() if number not in but]

    def forget(self) -> None:
        """The load is over: what was cut off is not in flight any more."""
        self._asked.clear()
        self._doubted.clear()

    @property
    def in_flight(self) -> int:
        """Asked and not answered."""
        return len(self._asked)

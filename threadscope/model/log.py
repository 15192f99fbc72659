"""The request log: the last lines of what happened.

Thousands of lines a second may come, and a few hundred are looked at a few times a second: a line
is a list while it may change, and a `LogLine` is made of it when somebody looks.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

from threadscope.model.snapshot import Endpoint, Event, LogLine

LOG_LINES = 400
ARRIVED_LONG_BEFORE_NS = 50_000_000
"""An arrival gets a line of its own when the start came so much later."""
_ARRIVE, _START, _END = Event.ARRIVE, Event.START, Event.END
_NOWHERE = Endpoint()
_CLIENT_NS = LogLine._fields.index("client_ns")
_MADE = len(LogLine._fields)
"""Behind a line's fields: the `LogLine` that was made of them, or None."""
_new_line = partial(tuple.__new__, LogLine)
"""Half the price of LogLine(...)."""


class Log:
    """The last lines, and what is still to be added to them."""

    def __init__(self) -> None:
        self._lines: deque[list[Any]] = deque(maxlen=LOG_LINES)
        self.added = 0
        """Lines ever added."""
        self._unanswered: dict[int, list[Any]] = {}
        """Our client's request: which line waits for what the client saw."""
        self._early: dict[int, int] = {}
        """Answers that came before the server's own end."""

    def started(
        self, t: int, number: int, client: int | None, endpoint: Endpoint, thread: str, arrived: int
    ) -> None:
        """An endpoint's own code runs at t, on a thread, for a request that arrived some time."""
        waited = t - arrived if t > arrived else 0
        if waited >= ARRIVED_LONG_BEFORE_NS:
            self._lines.append(
                [arrived, _ARRIVE, number, client, endpoint, "", 0, 0, None, "", None]
            )
            self.added += 1
        self._lines.append([t, _START, number, client, endpoint, thread, 0, waited, None, "", None])
        self.added += 1

    def ended(
        self, t: int, number: int, client: int | None, endpoint: Endpoint, status: int, took: int,
        client_request: int,
    ) -> None:  # fmt: skip
        """A request ended; one of our own load is completed by `answered`."""
        line = [t, _END, number, client, endpoint, "", status, took, None, "", None]
        if client_request:
            if client_request in self._early:
                line[_CLIENT_NS] = self._early.pop(client_request)
            else:
                self._unanswered[client_request] = line
                if len(self._unanswered) > LOG_LINES:  # its line has left the log
                    del self._unanswered[next(iter(self._unanswered))]
        self._lines.append(line)
        self.added += 1

    def answered(self, client_request: int, took: int) -> None:
        """A client of ours got its answer after `took` ns."""
        line = self._unanswered.pop(client_request, None)
        if line is not None:
            line[_CLIENT_NS], line[_MADE] = took, None
            return
        self._early[client_request] = took
        if len(self._early) > LOG_LINES:
            del self._early[next(iter(self._early))]

    def note(self, t: int, text: str) -> None:
        """Adds a remark of threadscope's own."""
        self._lines.append([t, Event.NOTE, 0, None, _NOWHERE, "", 0, 0, None, text, None])
        self.added += 1

    def lines(self) -> tuple[LogLine, ...]:
        """Oldest first; the same objects where nothing changed."""
        for line in self._lines:
            if line[_MADE] is None:
                line[_MADE] = _new_line(line[:_MADE])
        return tuple([line[_MADE] for line in self._lines])

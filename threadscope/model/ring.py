"""Where records come from: one process's ring, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from threadscope.model.records import endpoint
from threadscope.model.snapshot import Endpoint
from threadscope.model.text import clean


class Ring:
    """Where records come from."""

    def __init__(self, pid: int, text: Callable[[int], str]) -> None:
        self.pid = pid
        self._text = text
        self.endpoints: dict[int, Endpoint] = {}
        self.ended = 0
        """The server's own count of ended requests."""
        self.websockets = 0
        """Open now."""
        self.checked = 0
        """When its open requests were last held against its open table."""
        self.errors = 0
        self.dropped = 0
        self.holes = 0

    def endpoint(self, number: int) -> Endpoint:
        """The endpoint of a string number."""
        found = self.endpoints.get(number)
        if found is None:
            text = self._text(number)
            found = endpoint(text)
            if text:
                self.endpoints[number] = found
        return found

    def text(self, number: int) -> str:
        """The text of a string number, one that is no endpoint: without separators."""
        return clean(self._text(number))


Item = tuple[int, Ring | None, Any]
"""Time, and a record of a ring, or (without one) an action."""

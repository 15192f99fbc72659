"""When a thread was had by which request, over the last minute."""

from __future__ import annotations

from functools import partial

from threadscope.model.snapshot import Span
from threadscope.model.windows import Chunks

MERGE_NS = 20_000_000
SHORT_NS = MERGE_NS // 4
"""Spans shorter than SHORT_NS become one within MERGE_NS: nobody can see them apart."""
_new_span = partial(tuple.__new__, Span)
"""Half the price of Span(...)."""


class Spans:
    """The spans of one thread; the newest is made anew when somebody looks."""

    def __init__(self) -> None:
        self._spans: Chunks[Span] = Chunks()
        self._begin, self.end = -MERGE_NS, 0
        """The newest one's, ns; times count from the boot."""
        self._request = self._requests = self._busy = 0
        self._grown = False
        """Whether it has grown since somebody looked."""

    def add(self, begin: int, end: int, request: int) -> None:
        """A request had the thread; short ones next to each other become one span."""
        busy, first = end - begin, self._begin
        if busy < SHORT_NS and begin >= first and end - first < MERGE_NS:
            if request != self._request:
                self._requests += 1
                self._request = request
            if end > self.end:
                self.end = end
            self._busy += busy
            self._grown = True
            return
        self._grow()
        self._begin, self.end, self._request, self._requests, self._busy = (
            begin, end, request, 1, busy
        )  # fmt: skip
        self._spans.append(end, _new_span((begin, end, request, 1, busy)))

    def _grow(self) -> None:
        if self._grown:
            self._grown = False
            newest = self._begin, self.end, self._request, self._requests, self._busy
            self._spans.replace_last(_new_span(newest))

    def chunks(self) -> tuple[tuple[Span, ...], ...]:
        """All that is kept, oldest first; the same object while nothing is added."""
        self._grow()
        return self._spans.chunks()

"""A closer look at an event loop that stands still while its probe cannot look: by py-spy.

Native code that keeps the GIL lets no thread of its process run, the probe's neither. From outside
it is seen that a step lasts; which line it is in, only another process can read.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from threadscope.model.aggregator import Aggregator
from threadscope.model.holds import Unseen
from threadscope.sampling.stacks import EVERY_S, Look, find_py_spy, look_at

AGAIN_S = 30.0
"""When py-spy could not tell, it is asked again after so long: each try costs CPU."""
CLOSE_S = 6.0

now = time.monotonic_ns


class _Found(NamedTuple):
    """What a look gave, and when it was over."""

    step: Unseen
    look: Look
    at: int


class Closer:
    """Looks at one thread at a time, in a thread of its own, at most once in two seconds."""

    def __init__(self) -> None:
        self._program: str | None = None
        self._searched = False
        self._thread: threading.Thread | None = None
        self._found: _Found | None = None
        self._next = 0

    def look(self, aggregator: Aggregator, t: int) -> None:
        """Tells an aggregator what the last look found, and begins another one where there is need.

        Args:
            aggregator: knows which steps last; its rings were read after t.
            t: monotonic ns.
        """
        steps = aggregator.unseen(t)
        found = self._found
        if found is not None and found.at <= t:
            self._found = None
            if found.step in steps:  # it lasts still: the look was at this step, and no other
                aggregator.place(t, found.step, *found.look)
        if not steps or t < self._next or self._thread is not None or found is not None:
            return
        if not self._searched:
            self._searched, self._program = True, find_py_spy()
        if self._program is not None:
            self._next = t + int(EVERY_S * 1e9)
            self._thread = threading.Thread(
                target=self._ask, args=(self._program, steps[0]), name="threadscope closer",
                daemon=True,
            )  # fmt: skip
            self._thread.start()

    def _ask(self, program: str, step: Unseen) -> None:
        try:
            self._found = _Found(step, look_at(program, step.pid, step.tid), now())
        except OSError:
            self._next = now() + int(AGAIN_S * 1e9)
        self._thread = None

    def close(self) -> None:
        """Waits for a look that goes on. Bounded."""
        if (thread := self._thread) is not None:
            thread.join(CLOSE_S)

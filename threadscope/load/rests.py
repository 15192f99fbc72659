"""Pauses of the load, so that answers are looked at together.

An answer that finds the load asleep has to wake it, and that is work of the server's own thread, in
its `send`. A load that is faster than the server sleeps between any two answers. With 100 clients a
rest of 0.3 ms after a look took the cost of a request from 108 us to 98 in the server and from 47
to 30 in the load (uvicorn's hello on an AMD EPYC, CPython 3.11, medians of 5 rounds in turns): what
is measured then is the server, and less that it wakes us.
"""

from __future__ import annotations

import asyncio
import time

ENOUGH = 64
"""With fewer clients there are hardly two answers in a rest."""
PART = 32
"""A rest is this part of what the quickest of the last answers took: some 3 %."""
LEAST_NS, MOST_NS = 100_000, 300_000
"""Shorter ones are not worth a system call; 1 ms was worse than 0.3 for server and load."""
LAST = 256
"""So many answers, and those of the lot before, are the last ones."""


class Rests:
    """At most one in each iteration of the event loop, after all that is ready."""

    def __init__(self) -> None:
        self.coming = False
        """One begins as soon as all is done that is ready."""
        self._count = self._quickest = self._quickest_before = 0

    def answered(self, took: int, clients: int) -> None:
        """An answer came.

        Args:
            took: since it was asked for, ns.
            clients: those who ask, each again as soon as it is answered.
        """
        if took < self._quickest:
            self._quickest = took
        self._count -= 1
        if self._count < 0:
            self._quickest_before, self._quickest, self._count = self._quickest, took, LAST - 1
        if self.coming or clients < ENOUGH:
            return
        rest_ns = min(self._quickest, self._quickest_before) // PART
        if rest_ns >= LEAST_NS:
            self.coming = True
            asyncio.get_running_loop().call_soon(self._rest, min(rest_ns, MOST_NS))

    def _rest(self, ns: int) -> None:
        self.coming = False
        time.sleep(ns / 1e9)

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
"""A rest takes this part of what the answer before it took, at most: 3 %."""
LEAST_NS, MOST_NS = 100_000, 300_000
"""Shorter ones are not worth a system call; 1 ms was worse than 0.3 for server and load."""


class Rests:
    """At most one in each iteration of the event loop, after all that is ready."""

    def __init__(self) -> None:
        self.coming = False
        """One begins as soon as all is done that is ready."""

    def answered(self, took: int, clients: int) -> None:
        """An answer came.

        Args:
            took: since it was asked for, ns.
            clients: those who ask, each again as soon as it is answered.
        """
        if not self.coming and took >= LEAST_NS * PART and clients >= ENOUGH:
            self.coming = True
            rest_ns = min(took // PART, MOST_NS)
            asyncio.get_running_loop().call_soon(self._rest, rest_ns)

    def _rest(self, ns: int) -> None:
        self.coming = False
        time.sleep(ns / 1e9)

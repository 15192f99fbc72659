"""Python looks for garbage when nobody waits, and in small pieces, as no thread runs meanwhile.

A minute of a thousand threads is some 300,000 objects, and the look at all of them takes a tenth of
a second and more. Most of them stay and are in no cycle. What is new since the last picture is
looked at once, right after the next one.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

NEW = 20_000
"""So many new objects are worth a look when there is time for it."""
YOUNG = 100_000
"""So many of them before a look that nobody chose the moment of, in place of 700. At thousands of
requests a second nearly all of them are gone by then, and to look at them was a tenth of what a
request cost; a look at a thousand of them takes up to a millisecond."""
CLEAN, UNSEEN = NEW // 100, 3
"""A look that has found less than this lets so many times pass at which there would be another:
what is new then is taken to be in use. Where all that is new is of requests, no look finds any."""
LOOKS = 2
"""Of these looks, before one at all that outlived them, in place of 10: it takes as long as they do
together."""
WHOLE_S = 300.0
"""So often all of them are looked at nevertheless: what has been kept may have become garbage. By
time and not by number: a screen lays itself out a dozen times a minute, and leaves some thirty
objects in a cycle each time: a megabyte or two an hour, but never 20,000 new ones."""

SWITCH_S = 0.001
"""So long a thread may keep the interpreter from another one that waits for it: Python's 5 ms,
again at each write to the terminal, would add up while much is being read."""


class ShortPauses:
    """While it is entered, no thread of ours waits long for another one.

    What has outlived a look in `rest`, or two others, is not looked at by the next ones.

    Args:
        whole_s: seconds from one look at all objects to the next, at the least.
    """

    def __init__(self, whole_s: float = WHOLE_S) -> None:
        self._whole_s = whole_s
        self._whole_at = 0.0
        self._switch_s = 0.0
        self._unseen = 0
        """So many times more nobody need look."""

    def __enter__(self) -> ShortPauses:
        self._whole_at = time.monotonic() + self._whole_s
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        gc.freeze()
        gc.callbacks.append(self._collected)
        self._threshold = gc.get_threshold()
        gc.set_threshold(YOUNG, LOOKS, self._threshold[2])
        return self

    def __exit__(self, *error: object) -> None:
        gc.set_threshold(*self._threshold)
        gc.callbacks.remove(self._collected)
        gc.unfreeze()
        sys.setswitchinterval(self._switch_s)

    def rest(self) -> None:
        """Looks for garbage, if it is time for that or there may be much: now nobody waits."""
        if time.monotonic() >= self._whole_at:
            gc.unfreeze()
            gc.collect()
            self._whole_at = time.monotonic() + self._whole_s
        elif gc.get_count()[0] >= NEW:
            if self._unseen:
                self._unseen -= 1
                gc.freeze()
            else:
                gc.collect(1)

    def _collected(self, phase: str, info: dict[str, Any]) -> None:
        if phase != "stop" or not info["generation"]:
            return
        if info["generation"] == 1:
            self._unseen = UNSEEN if info["collected"] < CLEAN else 0
        gc.freeze()

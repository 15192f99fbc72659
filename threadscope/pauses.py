"""Python looks for garbage in small pieces: going through all objects would stop the screen.

A minute of a thousand threads is some 300,000 objects, and the look at all of them takes a tenth of
a second and more, in which no thread of ours runs. Most of them stay and are in no cycle.
"""

from __future__ import annotations

import gc
import time
from typing import Any

WHOLE_S = 300.0
"""So often all of them are looked at nevertheless: what has been kept may have become garbage."""


class ShortPauses:
    """While it is entered, what a full collection has left is not looked at by the next ones.

    Args:
        whole_s: seconds from one look at all objects to the next, at the least.
    """

    def __init__(self, whole_s: float = WHOLE_S) -> None:
        self._whole_s = whole_s
        self._whole_at = 0.0

    def __enter__(self) -> ShortPauses:
        self._whole_at = time.monotonic() + self._whole_s
        gc.freeze()
        gc.callbacks.append(self._collected)
        return self

    def __exit__(self, *error: object) -> None:
        gc.callbacks.remove(self._collected)
        gc.unfreeze()

    def _collected(self, phase: str, info: dict[str, Any]) -> None:
        if phase != "stop" or info["generation"] < 2:
            return
        if time.monotonic() >= self._whole_at:
            gc.unfreeze()  # the next one sees all
            self._whole_at = time.monotonic() + self._whole_s
        else:
            gc.freeze()

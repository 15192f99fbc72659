"""When the screen looks for the next picture. Pure: every time is an argument.

The source has a clock of its own, and the two beat at the same rate. So the screen follows: it
looks a moment before the next picture can be expected and, until that is there, again and again.
A look that finds nothing costs next to nothing; a picture that lies there gets old. A picture that
came late does not put off the look for the next one, which comes on the source's beat.
"""

from __future__ import annotations

import math
from collections import deque

LOOKS = 25
"""So many fit between two pictures."""
FEW = 4
"""When so many in a row came late, the source has slipped."""


class Pulse:
    """Says when to look.

    Args:
        period: seconds between two pictures.
    """

    def __init__(self, period: float) -> None:
        self._period, self._moment = period, period / LOOKS
        self._due = -math.inf
        """When the first look for the next picture is."""
        self._late: deque[float] = deque(maxlen=FEW)
        """So long after that look the last pictures were there."""
        self.missed = 0
        """Looks in vain since the last picture."""

    def looked(self, now: float, found: bool) -> float:
        """When to look next.

        Args:
            now: seconds on any clock that does not jump.
            found: whether there was a new picture.

        Returns:
            Seconds from now on.
        """
        if not found:
            self.missed += 1
            few = self.missed <= LOOKS  # else nothing changes any more, or it is paused
            return self._moment if few else 5 * self._moment
        # a first look that came late, because we were busy, says nothing of the source
        late = now - self._due if self.missed else 0.0
        if now - self._due > self._period:  # the first picture, or the first after a pause
            self._due, late = now - self._moment, self._moment
            self._late.clear()
        self._late.append(late)
        shift = min(self._late) - self._moment
        self._late = deque([late - shift for late in self._late], FEW)
        self._due += self._period + shift
        self.missed = 0
        return max(self._due - now, 0.0)

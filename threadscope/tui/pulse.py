"""When the screen looks for the next picture. Pure: every time is an argument.

The source has a clock of its own, and the two beat at the same rate. So the screen follows: it
looks a moment before the next picture can be expected and, until that is there, again and again.
A look that finds nothing costs next to nothing; a picture that lies there gets old.
"""

from __future__ import annotations

LOOKS = 25
"""So many fit between two pictures."""


class Pulse:
    """Says when to look.

    Args:
        period: seconds between two pictures.
    """

    def __init__(self, period: float) -> None:
        self._period, self._moment = period, period / LOOKS
        self._due = 0.0
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
        if found:
            # from when it was time to look: a look may come late because we were busy
            since = self._due if self._due > now - self._period else now
            self._due, self.missed = since + self._period - self._moment, 0
        else:
            self.missed += 1
            few = self.missed <= LOOKS  # else nothing changes any more, or it is paused
            self._due = now + (self._moment if few else 5 * self._moment)
        return max(self._due - now, 0.0)

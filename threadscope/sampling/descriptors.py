"""How many files may stay open for sampling: an open file costs a tenth of opening it anew."""

from __future__ import annotations

import resource

_WANTED = 8192
"""Files: 1,000 threads need 3,000 of them."""
_RESERVE = 200
"""Files left to the rest of the monitor: pipes, rings, sockets."""


class Budget:
    """Counts the files that samplers keep open, within the process's limit.

    The limit is raised only when it is met: servers and loads that are started before
    inherit what the user's shell had.
    """

    def __init__(self, limit: int | None = None) -> None:
        """`limit`: files in all; None for what the system allows."""
        self._fixed = limit is not None
        self.limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVE
        if limit is not None:
            self.limit = limit
        self.used = 0

    def take(self) -> bool:
        """Reserves one file; False when there is no room and the file must be closed again."""
        if self.used >= self.limit and not self._raise():
            return False
        self.used += 1
        return True

    def give(self) -> None:
        """Returns one file."""
        self.used -= 1

    def overdrawn(self) -> None:
        """The system refused a file: others hold more than was left to them, so keep less."""
        self.limit = max(0, self.used - _RESERVE)

    def _raise(self) -> bool:
        if self._fixed:
            return False
        self._fixed = True  # one attempt
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
        if wanted - _RESERVE <= self.limit:
            return False
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return False
        self.limit = wanted - _RESERVE
        return True


SHARED = Budget()
"""The budget of this process: all samplers draw on it."""

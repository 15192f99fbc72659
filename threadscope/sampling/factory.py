"""The sampler that fits this system."""

from __future__ import annotations

import sys
from typing import Protocol

from threadscope.model.sample import ProcessSample


class Sampler(Protocol):
    """Looks at one process and its threads."""

    pid: int

    def sample(self, t: int) -> ProcessSample | None:
        """One look at `t` (monotonic ns); None when the process is gone.

        Raises:
            OSError: this process has no file left to open.
        """

    def close(self) -> None:
        """Closes what it holds; every later sample is None."""


def open_sampler(pid: int) -> Sampler:
    """A sampler for the process `pid`; one that is gone gives None from the first look on.

    Raises:
        OSError: this process has no file left to open.
    """
    if sys.platform == "linux":
        from .proc import ProcessSampler

        return ProcessSampler(pid)
    else:  # mypy looks at one branch only
        from .other import ProcessSampler

        return ProcessSampler(pid)

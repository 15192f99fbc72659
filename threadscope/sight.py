"""How much is seen of a server: threads, or their names and places too, or its requests as well."""

from __future__ import annotations

from collections.abc import Callable, Collection

from threadscope.closer import Closer
from threadscope.model.sample import Stack
from threadscope.sampling.stacks import StackSampler
from threadscope.targets.target import Target


class Sight:
    """Climbs as high as the system allows, and says why not higher.

    Args:
        target: the server.
        tell: gets the stacks of a process without a probe; called in another thread.
    """

    def __init__(self, target: Target, tell: Callable[[int, list[Stack]], None]) -> None:
        self._target = target
        self._stacks = StackSampler(tell)
        self.gap = ""
        """Which part of a server is not seen while the rest is, and why."""
        self.closer = Closer()
        """Finds the line where a probe cannot look."""

    def look(self, pids: Collection[int], probed: Collection[int], trouble: str = "") -> str:
        """Looks again, about once a second.

        Args:
            pids: of the server.
            probed: those whose probes are heard.
            trouble: why a ring cannot be read, "" if all can.

        Returns:
            What is seen without a probe, and why not more; "" with one.
        """
        missing = self._target.missing(probed)
        blind = not set(pids) & set(probed)
        self.gap = "" if blind else missing
        why = (trouble or self._target.unseen()) if blind else ""
        self._stacks.follow(pids if why else ())
        if not blind:
            return ""
        if not why:
            return "no probe so far: its requests cannot be seen"
        trouble = self._stacks.trouble
        return f"threads only ({trouble}); {why}" if trouble else f"threads and functions; {why}"

    def close(self) -> None:
        """Ends it."""
        self._stacks.close()
        self.closer.close()

"""All processes of a server, sampled one after the other; they come and go."""

from __future__ import annotations

from collections.abc import Iterable

from threadscope.model.sample import ProcessSample

from .factory import Sampler, open_sampler


class TreeSampler:
    """One sampler a process.

    A process that got the number of one that ended has a sampler of its own: each sampler holds on
    to the process that it was opened for.
    """

    def __init__(self) -> None:
        self._samplers: dict[int, Sampler] = {}

    def follow(self, pids: Iterable[int]) -> None:
        """Says which processes there are now."""
        wanted = set(pids)
        for pid in self._samplers.keys() - wanted:
            self._samplers.pop(pid).close()
        for pid in wanted - self._samplers.keys():
            self._samplers[pid] = open_sampler(pid)

    def sample(self, t: int) -> tuple[list[ProcessSample], list[int]]:
        """One look at each.

        Args:
            t: monotonic ns now.

        Returns:
            The samples, and the processes that have ended since the last look.
        """
        samples, gone = [], []
        for pid, sampler in list(self._samplers.items()):
            sample = sampler.sample(t)
            if sample is None:
                gone.append(pid)
                self._samplers.pop(pid).close()
            else:
                samples.append(sample)
        return samples, gone

    def close(self) -> None:
        """Closes all."""
        self.follow(())

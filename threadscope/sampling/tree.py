"""All processes of a server, sampled one after the other; they come and go."""

from __future__ import annotations

from collections.abc import Iterable

from threadscope.model.sample import ProcessSample

from .factory import Sampler, open_sampler

NO_FILES = "threads are not seen: the monitor may open no more files; raise `ulimit -n`"


class TreeSampler:
    """One sampler a process.

    A process that got the number of one that ended has a sampler of its own: each sampler holds on
    to the process that it was opened for.
    """

    def __init__(self) -> None:
        self._samplers: dict[int, Sampler] = {}
        self._unopened = False
        self.trouble = ""
        """Why something was not seen by the last look."""

    def follow(self, pids: Iterable[int]) -> None:
        """Says which processes there are now."""
        wanted = set(pids)
        for pid in self._samplers.keys() - wanted:
            self._samplers.pop(pid).close()
        self._unopened = False
        for pid in wanted - self._samplers.keys():
            try:
                self._samplers[pid] = open_sampler(pid)
            except OSError:  # ours, as below; the next call tries again
                self._unopened = True

    def sample(self, t: int) -> tuple[list[ProcessSample], list[int]]:
        """One look at each.

        Args:
            t: monotonic ns now.

        Returns:
            The samples, and the processes that have ended since the last look.
        """
        samples, gone = [], []
        self.trouble = NO_FILES if self._unopened else ""
        for pid, sampler in list(self._samplers.items()):
            try:
                sample = sampler.sample(t)
            except OSError:  # ours: a process that is gone raises nothing
                self.trouble = NO_FILES
                continue
            if sample is None:
                gone.append(pid)
                self._samplers.pop(pid).close()
            else:
                samples.append(sample)
        return samples, gone

    def close(self) -> None:
        """Closes all."""
        self.follow(())

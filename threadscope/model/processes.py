"""The processes of a server: what each is there for, and the CPU that it uses."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from threadscope.model.snapshot import Part, ProcessRow, TargetInfo
from threadscope.model.windows import SECOND

KEPT_SAMPLES = 9
"""A second, at eight a second."""


class Processes:
    """The CPU clocks of the processes that live."""

    def __init__(self) -> None:
        self._clocks: dict[int, deque[tuple[int, int]]] = {}

    @property
    def pids(self) -> list[int]:
        """In ascending order."""
        return sorted(self._clocks)

    def sampled(self, pid: int, t: int, cpu_ns: int) -> tuple[int, int] | None:
        """The clock of a process at t.

        Returns:
            When it was read before, and how much CPU was used since; None at the first time.
        """
        clock = self._clocks.setdefault(pid, deque(maxlen=KEPT_SAMPLES))
        since = (clock[-1][0], cpu_ns - clock[-1][1]) if clock else None
        clock.append((t, cpu_ns))
        return since

    def gone(self, pid: int) -> None:
        """A process has ended."""
        self._clocks.pop(pid, None)

    def cores_of(self, pid: int, mark: int) -> float | None:
        """Over about the last second; None where no clock was read in it."""
        clock = self._clocks.get(pid)
        if not clock or len(clock) < 2 or clock[-1][0] <= mark - SECOND:
            return None
        return (clock[-1][1] - clock[0][1]) / (clock[-1][0] - clock[0][0])

    def rows(
        self,
        mark: int,
        part: Callable[[int], Part],
        opened: Iterable[tuple[int, int]],
        ended: Callable[[int], int],
    ) -> tuple[ProcessRow, ...]:
        """Those that live, in ascending order.

        Args:
            mark: the watermark.
            part: what a process is there for.
            opened: pid and number of each open request.
            ended: how many requests ended in a process.
        """
        open_ = Counter(pid for pid, _ in opened)
        return tuple(
            ProcessRow(
                pid,
                part(pid),
                None if (cores := self.cores_of(pid, mark)) is None else 100 * cores,
                open_[pid],
                ended(pid),
            )
            for pid in self.pids
        )

    def cores_used(self, mark: int) -> float | None:
        """Of all processes together."""
        known = [x for pid in self._clocks if (x := self.cores_of(pid, mark)) is not None]
        return sum(known) if known else None


def parts(serving: Collection[int], target: TargetInfo) -> Callable[[int], Part]:
    """What each process is there for, by its pid; see `part_of`."""
    return partial(part_of, serving=serving, workers=target.workers, pids=target.pids)


def part_of(pid: int, serving: Collection[int], workers: int, pids: Sequence[int]) -> Part:
    """What a process is there for.

    Args:
        pid: whose.
        serving: processes in which an event loop serves requests.
        workers: how many of them there should be.
        pids: all processes, the one that was started first.
    """
    several = max(workers, len(serving)) > 1
    if pid in serving or not (serving or several):
        return Part.WORKER if several else Part.SERVER
    return Part.SUPERVISOR if pid in pids[:1] else Part.HELPER

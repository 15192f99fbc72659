"""Large servers that are not there: their rings by the probe's own writer, their /proc by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.rings.ring_writers import close_slot
from threadscope.model.aggregator import Aggregator
from threadscope.model.snapshot import Health, Snapshot
from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter
from threadscope.rings.set import RingSet
from threadscope.sampling.parse import NS_PER_TICK

MS = 1_000_000
S = 1000 * MS
T0 = 1000 * S
ROUTE = ("GET", "/items/{id}", "read_item", "async def", "main.py:7")
NO_SUCH_PID = 1 << 23
"""The kernel gives none above 1 << 22: its clocks do not exist."""


def at(t: float) -> int:
    """ms after T0, as monotonic ns."""
    return T0 + round(t * MS)


class Server:
    """One process as its ring shows it; times are ms after T0.

    Args:
        folder: where the ring goes.
        pid: what it says of itself.
        records: slots of the ring.
    """

    def __init__(self, folder: Path, pid: int = 1, records: int = 32 * 1024) -> None:
        self.pid = pid
        self.ring = RingWriter(str(folder), name=f"server-{pid}", records=records)
        self.ring.words[L.W_PID] = pid
        self.loop = self.ring.cell(pid, 0, L.ROLE_LOOP, "MainThread")
        self.open: dict[int, tuple[float, int]] = {}
        """Arrival and slot of each open request, by its number."""
        self.ended = 0

    def what(self, *parts: str) -> int:
        return self.ring.string(L.SEPARATOR.join(parts or ROUTE))

    def arrive(self, t: float, count: int = 1, what: int | None = None) -> None:
        """So many requests of a kind come and wait."""
        number = self.what() if what is None else what
        for _ in range(count):
            request, slot = self.ended + len(self.open) + 1, self.ring.open_slot()
            if slot:
                place = slot * L.WORD
                L.OPEN_SLOT.pack_into(self.ring.map, place, at(t), number, 0, 0, request)
            self.ring.put(L.ENDPOINT, L.F_ASYNC, 0, self.loop.tid, request, at(t), at(t),
                          what=number)  # fmt: skip
            self.open[request] = t, slot

    def end(self, t: float, count: int = 1, what: int | None = None, *, told: bool = True) -> None:
        """The oldest so many end; not `told`: the record of it is lost."""
        for request in list(self.open)[:count]:
            came, slot = self.open.pop(request)
            if slot:
                close_slot(self.ring, slot)
            self.ended += 1
            self.ring.words[self.loop.at + L.C_ENDED] += 1
            if told:
                self.ring.put(L.END, L.F_ASYNC, 200, self.loop.tid, request, at(t), at(came), 20,
                              20, 10, self.what() if what is None else what, 2)  # fmt: skip

    def lose(self, t: float) -> None:
        """Writes once around the ring: whoever did not read in time has lost something."""
        for _ in range(self.ring.slots + 1):
            self.ring.put(L.LAG, L.F_LAG_LOOP, 0, self.loop.tid, 0, at(t), 0)


class Observer:
    """Rings and aggregator, as a session has them, with a clock by hand.

    Args:
        folder: of the rings.
    """

    def __init__(self, folder: Path) -> None:
        self.rings, self.aggregator = RingSet(folder), Aggregator(T0)

    def look(self, t: float) -> Snapshot:
        """Reads all rings at t; what was at t - 100 ms."""
        for batch, is_load in self.rings.read(at(t)):
            self.aggregator.add_batch(batch, load=is_load)
        self.aggregator.advance(at(t))
        return self.aggregator.snapshot(Health())


class Proc:
    """A folder like /proc, with one process.

    Args:
        root: the folder.
        threads: how many.
    """

    pid = NO_SUCH_PID

    def __init__(self, root: Path, threads: int) -> None:
        self.root, self.cpu_ns = root, dict.fromkeys(range(1, threads + 1), 0)
        self._total = 0
        (root / f"{self.pid}/task").mkdir(parents=True)
        for tid in self.cpu_ns:
            task = root / f"{self.pid}/task/{tid}"
            task.mkdir()
            self._write(task / "status", "Name:\tx\nvoluntary_ctxt_switches:\t3\n"
                                         "nonvoluntary_ctxt_switches:\t1\n")  # fmt: skip
            self._clock(task, tid, 0, "S")
        self._clocks_of_all()

    def set(self, tid: int, cpu_ns: int, state: str = "S") -> None:
        """A thread's clock, and what it does."""
        self._total += cpu_ns - self.cpu_ns[tid]
        self.cpu_ns[tid] = cpu_ns
        self._clock(self.root / f"{self.pid}/task/{tid}", tid, cpu_ns, state)
        self._clocks_of_all()

    def end(self, tid: int) -> None:
        """A thread ends."""
        self._total -= self.cpu_ns.pop(tid)
        shutil.rmtree(self.root / f"{self.pid}/task/{tid}")

    def _clock(self, task: Path, tid: int, cpu_ns: int, state: str) -> None:
        self._write(task / "schedstat", f"{cpu_ns} 0 1\n")
        self._write(task / "stat", self._stat(tid, f"thread {tid}", cpu_ns, state))

    def _clocks_of_all(self) -> None:
        stat = self._stat(self.pid, "server", self._total, "S")
        self._write(self.root / f"{self.pid}/stat", stat)

    @staticmethod
    def _stat(number: int, name: str, cpu_ns: int, state: str) -> str:
        fields = ["0"] * 50
        fields[0], fields[11], fields[19] = state, str(cpu_ns // NS_PER_TICK), "77"
        return f"{number} ({name}) {' '.join(fields)}\n"

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """In its place, as the kernel does it: who has the file open reads the new text."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.ftruncate(fd, os.pwrite(fd, text.encode(), 0))
        os.close(fd)

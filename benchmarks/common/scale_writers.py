"""Server processes by the dozen, without servers: for scale.py, where these would be too heavy.

    python scale_writers.py PROCESSES OPEN PER_SECOND

Forks so many processes. Each writes a ring as the probe of a server would, by the probe's own
writer: OPEN requests are open all the time, PER_SECOND of them end each second, the oldest first,
and as many come. They are processes like others, each with an event loop's thread and a few more:
their `/proc` is the kernel's. They end with the one that forked them.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque

from threadscope.probe import layout as L
from threadscope.probe.ring import Cell, RingWriter
from threadscope.probe.state import FOLDER_VARIABLE

STEP_S = 0.1
WORKERS = 4
now = time.monotonic_ns


class Server:
    """One process's side of its ring.

    Args:
        folder: where the ring goes.
    """

    def __init__(self, folder: str) -> None:
        self.ring = RingWriter(folder)
        self.what = self.ring.string(
            L.SEPARATOR.join(("GET", "/items/{id}", "read_item", "async def", "main.py:7"))
        )
        tid = threading.get_native_id()
        self.loop = self.ring.cell(tid, threading.get_ident(), L.ROLE_LOOP, "MainThread")
        self.open: deque[tuple[int, int, int]] = deque()
        """Number, arrival and slot (0: none) of each open request, the oldest first."""
        self._number = 0
        threads = [threading.Thread(target=time.sleep, args=(1e6,)) for _ in range(WORKERS)]
        self._idle: list[Cell] = []
        for thread in threads:
            thread.daemon = True
            thread.start()
            tid = thread.native_id or 0
            self._idle.append(self.ring.cell(tid, 0, L.ROLE_WORKER, "AnyIO worker thread"))

    def arrive(self) -> None:
        """A request comes and waits at once."""
        self._number += 1
        t, slot = now(), self.ring.open_slot()
        if slot:
            at = slot * L.WORD
            L.OPEN_SLOT.pack_into(self.ring.map, at, t, self.what, 0, 0, self._number)
        self.ring.put(L.ENDPOINT, L.F_ASYNC, 0, self.loop.tid, self._number, t, t, what=self.what)
        self.open.append((self._number, t, slot))

    def end(self) -> None:
        """The oldest request ends."""
        number, arrived, slot = self.open.popleft()
        if slot:
            self.ring.words[slot + L.O_REQUEST] = 0
            self.ring.free_open.append(slot)
        self.ring.words[self.loop.at + L.C_ENDED] += 1
        self.ring.put(L.END, L.F_ASYNC, 200, self.loop.tid, number, now(), arrived, 20, 20, 10,
                      self.what, 2)  # fmt: skip

    def run(self, count: int, per_second: float, parent: int) -> None:
        """Serves until the parent is gone."""
        for _ in range(count):
            self.arrive()
        due, share = time.monotonic(), 0.0
        while os.getppid() == parent:
            share += per_second * STEP_S
            for _ in range(int(share)):
                self.arrive()
                self.end()
            share -= int(share)
            due = max(due + STEP_S, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))


def main() -> None:
    """Forks them, and waits."""
    processes, count, per_second = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    folder, parent = os.environ[FOLDER_VARIABLE], os.getpid()
    for number in range(processes):
        if os.fork() == 0:
            time.sleep(STEP_S * number / processes)  # not all at the same moment
            Server(folder).run(count, per_second, parent)
            os._exit(0)
    os.wait()


if __name__ == "__main__":
    main()

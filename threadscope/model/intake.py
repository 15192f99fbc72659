"""What comes in: batches of records, kept until the watermark passes them.

A record is not the only sign of an event. What runs now is told by the threads' cells, what waits
now by the open table, and what is told only by its end began before: all of it becomes records.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from threadscope.model.fold import Fold, Item, time_of
from threadscope.model.records import (
    ARRIVE,
    END,
    ENDPOINT,
    HOP_IN,
    HOP_OUT,
    SEND,
    STEP,
    Batch,
    Record,
)
from threadscope.model.ring import Ring
from threadscope.model.snapshot import Activity
from threadscope.model.thread_table import MOST_THREADS, ROLE_LOOP
from threadscope.model.windows import SECOND

AFTER_A = frozenset((ENDPOINT, STEP, END, HOP_IN, HOP_OUT))
"""Kinds whose `a` is a moment before their own."""
LOST_AFTER_NS = SECOND
"""An open request that no table knows for so long has ended unseen: its END was lost."""

LOOK_BEFORE_NS = 10_000_000
"""So long before a long step's end it is seen who waits for it: by then most have come."""


class Intake:
    """The rings, and what of them was not folded yet."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._pending: list[Item] = []
        self._sorted: list[list[Item]] = []
        """The same, what came by one look together: it is sorted while it is at hand."""
        self._steps: list[tuple[int, Ring, Record]] = []
        """Those of them that are steps."""
        self.rings = fold.books.rings
        self._missing: dict[tuple[int, int], int] = {}
        self.closed = False
        """The server is gone: its cells and its table tell what was, not what is."""
        self._gone: set[int] = set()
        """Processes of which the same is true."""

    def at(self, t: int, action: Callable[[], None]) -> None:
        """Something to do when the watermark passes t."""
        self._pending.append((t, self._fold.act, None, action))

    def process_gone(self, pid: int) -> None:
        """Its ring tells what was; its counts stay."""
        self._gone.add(pid)
        if pid in self.rings:
            self.rings[pid].websockets = 0
            self.rings[pid].ended_on.clear()

    def take(self, mark: int) -> list[Item]:
        """What the watermark has passed, in the order of the times."""
        self._pending.sort(key=time_of)
        self._sorted.append(self._pending)
        self._pending = []
        ready: list[Item] = []
        for items in self._sorted:
            passed = bisect_right(items, mark, key=time_of)
            ready += items[:passed]
            del items[:passed]
        self._sorted = [items for items in self._sorted if items]
        ready.sort(key=time_of)
        return ready

    def read(self, batch: Batch, *, load: bool) -> None:
        """What one look at one ring gave."""
        ring = self.rings.get(batch.pid)
        if ring is None:
            ring = self.rings[batch.pid] = Ring(batch.pid, batch.text)
        if load and batch.dropped + batch.holes > ring.dropped + ring.holes:
            self.at(batch.t, self._fold.clients.doubt)
        ring.counted(batch)
        if len(ring.ended_on) > MOST_THREADS:
            ring.ended_on.clear()
        if load:
            self._of_load(ring, batch)
        else:
            self._of_server(ring, batch)
        self._fold.read += len(batch.records)
        if load or self.closed:
            return
        self._fold.holds.processes.add(batch.pid)
        ring.ended = sum(cell.ended for cell in batch.cells) - batch.ended_before
        ring.websockets = sum(cell.websockets for cell in batch.cells)
        if batch.pid in self._gone:
            self._fold.holds.processes.discard(batch.pid)
            return
        self._look_at_cells(ring, batch)
        self._look_at_table(ring, batch)
        if batch.t - ring.checked > LOST_AFTER_NS // 2:
            ring.checked = batch.t
            self._reconcile(ring, batch)

    def _of_load(self, ring: Ring, batch: Batch) -> None:
        """Its records, but for those that no load writes, or of no time of this machine."""
        latest, handlers = batch.t + SECOND, self._fold.handlers
        self._pending += [
            (record[6], handlers[kind], ring, record)
            for record in batch.records
            if (kind := record[1]) >= SEND
            and record[6] <= latest
            and (kind == SEND or record[7] <= record[6])
        ]

    def _of_server(self, ring: Ring, batch: Batch) -> None:
        """Its records, in the same way, and what each of them implies."""
        latest, fold, add = batch.t + SECOND, self._fold, self._pending.append
        handlers, came, hop_began = fold.handlers, fold.came, fold.hop_began
        ended, hop_ended = handlers[END], handlers[HOP_OUT]
        for record in batch.records:
            kind, t, a = record[1], record[6], record[7]
            if t > latest or kind >= SEND or (a > t and kind in AFTER_A):
                continue
            if kind == END:  # that it came may be said nowhere else
                add((a, came, ring, record))
                add((t, ended, ring, record))
            elif kind == HOP_OUT:
                add((a, hop_began, ring, record))
                add((t, hop_ended, ring, record))
            else:
                if kind == STEP:
                    self._is_step(ring, record)
                add((t, handlers[kind], ring, record))

    def _is_step(self, ring: Ring, record: Record) -> None:
        """It may cover the watermark, and somebody may wait for its end."""
        t, fold = record[6], self._fold
        self._steps.append((t, ring, record))
        length = t - record[7]
        if length >= fold.holds.least:
            moment = t - min(length // 10, LOOK_BEFORE_NS)
            self._pending.append((moment, fold.look, ring, record))

    def _look_at_cells(self, ring: Ring, batch: Batch) -> None:
        """What runs now, and is in no record yet."""
        for cell in batch.cells:
            if not cell.now_request or cell.now_since > batch.t:
                continue
            ring.endpoint(cell.now_what)
            kind = ARRIVE if cell.role & ROLE_LOOP else HOP_IN
            if kind == HOP_IN and self._fold.threads.has_hop(ring.pid, cell):
                continue  # a thousand threads may run the same hop at each look
            event = (0, kind, cell.now_flags, 0, cell.tid, cell.now_request, cell.now_since, 0,
                     cell.now_client, 0, 0, cell.now_what, 0, 0)  # fmt: skip
            handler = self._fold.handlers[kind]
            self._pending.append((cell.now_since, handler, ring, event))
        self._fold.threads.cells(ring.pid, batch.cells, ring.endpoints)

    def _look_at_table(self, ring: Ring, batch: Batch) -> None:
        """What waits now: the open table is the truth, also for who comes late."""
        arrive = self._fold.handlers[ARRIVE]
        for entry in batch.open:
            if (ring.pid, entry.request) not in self._fold.open and entry.arrived <= batch.t:
                event = (0, ARRIVE, 0, 0, 0, entry.request, entry.arrived, 0, entry.client, 0, 0,
                         entry.what, 0, 0)  # fmt: skip
                self._pending.append((entry.arrived, arrive, ring, event))

    def _reconcile(self, ring: Ring, batch: Batch) -> None:
        """Holds the open requests against the open table, which is the truth."""
        fold = self._fold
        running = {cell.now_request for cell in batch.cells}
        idle = fold.threads.release(ring.pid, running, batch.t - LOST_AFTER_NS)
        fold.timeline.hops_ended(idle)
        table = {entry.request for entry in batch.open}
        self._missing = {key: t for key, t in self._missing.items() if key in fold.open}
        for key in [key for key in fold.open if key[0] == ring.pid]:
            request = fold.open[key]
            if key[1] in table:
                request.tabled = True
                self._missing.pop(key, None)
            elif key[1] in running or (
                ring.no_slot and not request.tabled and request.arrived > ring.lost_at
            ):
                self._missing.pop(key, None)  # the table was full: all its events are here
            elif batch.t - self._missing.setdefault(key, batch.t) > LOST_AFTER_NS:
                del self._missing[key]
                fold.requests.closed(key)

    def steps_covering(self, mark: int) -> dict[tuple[int, int], Activity]:
        """Steps that are recorded, being over now, but were not at the watermark."""
        self._steps = [step for step in self._steps if step[0] > mark]
        return {
            (ring.pid, what[4]): Activity(what[5], ring.endpoint(what[11]), what[7])
            for _, ring, what in self._steps
            if what[7] <= mark
        }

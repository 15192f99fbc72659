"""What an aggregator is told, as entries of a session file: only what changed since the last.

`docs/recording.md` describes the entries.
"""

from __future__ import annotations

import inspect
import platform
import time
from functools import cache
from pathlib import Path
from typing import Any

import threadscope
from threadscope.model.aggregator import Aggregator
from threadscope.model.records import STALL, Batch, CellEntry, OpenEntry
from threadscope.model.sample import ProcessSample, ThreadSample
from threadscope.model.snapshot import Health, TargetInfo
from threadscope.recording.blocks import RECORD, BlockWriter, Entry
from threadscope.recording.plain import to_plain, without_queries

BLOCK_NS = 1_000_000_000
"""What a crash may cost."""
HEAVY = 4 << 20
"""Bytes, about, at which a block is written before its time: none gets too large to be read."""
ROW = 200
"""Bytes of what is told of a thread, a cell or an open request: seldom more."""
pack = RECORD.pack


class _RingState:
    """What was told of a ring so far."""

    def __init__(self) -> None:
        self.cells: list[CellEntry] = []
        self.open: dict[int, OpenEntry] = {}
        self.counts: tuple[int, ...] = (0,) * 7
        self.texts: set[int] = {0}
        self.unknown: set[int] = set()


class Encoder:
    """Writes a session file.

    Args:
        path: the file.

    Raises:
        RecordingError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = BlockWriter(path)
        self._begun = self._closed = False
        self._entries: list[Entry] = []
        self._records: list[bytes] = []
        self._rings: dict[tuple[int, bool], _RingState] = {}
        self._threads: dict[int, dict[int, ThreadSample]] = {}
        self._written = self._weight = 0

    @property
    def trouble(self) -> str:
        """Why nothing is kept any more; "" while it is."""
        return self._file.trouble

    def begin(self, started: int, wall_offset: int, settings: object = None) -> None:
        """The first entry: when and where.

        Args:
            started: monotonic ns.
            wall_offset: wall clock minus monotonic clock, ns.
            settings: of the lints.
        """
        host = {"platform": platform.platform(), "python": platform.python_version()}
        head = {
            "threadscope": threadscope.__version__,
            "host": host,
            "saved": int(time.time()),
            "started": started,
            "wall_offset": wall_offset,
            "settings": to_plain(settings),
        }
        self._begun = True
        self._entries.append(["begin", head])
        self._flush()

    def batch(self, batch: Batch, load: bool) -> None:
        """One look at one ring."""
        ring = self._rings.setdefault((batch.pid, load), _RingState())
        more: dict[str, Any] = {}
        if batch.records:
            self._records.append(b"".join([pack(*record[:13]) for record in batch.records]))
        if batch.cells != ring.cells:
            known = len(ring.cells)
            changed = [
                [i, *cell]
                for i, cell in enumerate(batch.cells)
                if i >= known or cell != ring.cells[i]
            ]
            more["cells"] = [len(batch.cells), changed]
            ring.cells = batch.cells
        table = {entry.request: entry for entry in batch.open}
        if table != ring.open:
            more["open"] = [x for x in batch.open if ring.open.get(x.request) != x]
            more["shut"] = [number for number in ring.open if number not in table]
            ring.open = table
        counts = (
            batch.dropped, batch.holes, batch.errors, batch.ended_before, batch.no_slot,
            batch.no_name, batch.no_cell,
        )  # fmt: skip
        if counts != ring.counts:
            more["counts"] = ring.counts = counts
        if texts := _new_texts(ring, batch):
            more["texts"] = texts
        self._entries.append(["batch", batch.pid, int(load), batch.t, len(batch.records), more])
        rows = len(batch.cells) + len(batch.open) + 3 * len(texts)
        self._weigh(rows * ROW + len(batch.records) * RECORD.size)

    def sample(self, sample: ProcessSample) -> None:
        """What the kernel says of a process: the threads that changed, and which there are."""
        known = self._threads.get(sample.pid, {})
        threads = {one.tid: one for one in sample.threads}
        changed = [one for one in sample.threads if known.get(one.tid) != one]
        order = list(threads) if threads.keys() != known.keys() else None
        self._threads[sample.pid] = threads
        self._entries.append(["sample", sample.pid, sample.t, sample.cpu_ns, changed, order])
        self._weigh(len(changed) * ROW)

    def target(self, target: TargetInfo) -> None:
        """The server's facts."""
        self._entries.append(["target", to_plain(target)])

    def limited(self, why: str) -> None:
        """Why requests are not seen."""
        self._entries.append(["limited", without_queries(why)])

    def call(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        """A method of the aggregator, with its arguments by their names."""
        bound = _signature(name).bind(None, *args, **named).arguments
        self._entries.append([name, {k: to_plain(v) for k, v in bound.items() if k != "self"}])

    def snapshot(self, health: Health) -> None:
        """A snapshot was taken."""
        told = {name: value for name, value in to_plain(health).items() if value}
        self._entries.append(["snapshot", told])

    def advance(self, now: int) -> None:
        """Time has passed; about once a second a block is written."""
        self._entries.append(["advance", now])
        if now - self._written >= BLOCK_NS:
            self._written = now
            self._flush()

    def _weigh(self, more: int) -> None:
        self._weight += more
        if self._weight > HEAVY:
            self._flush()

    def _flush(self) -> None:
        entries, records = self._entries, self._records
        self._entries, self._records, self._weight = [], [], 0
        if entries:
            self._file.write(entries, records)

    def close(self) -> None:
        """The observation is over; if it never began, nor does the file. May be called again."""
        if self._closed:
            return
        self._closed = True
        if self._begun:
            self._entries.append(["end"])
            self._flush()
        else:
            self._file.take_away()
        self._file.close()


@cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(getattr(Aggregator, name))


def _new_texts(ring: _RingState, batch: Batch) -> dict[str, str]:
    """The strings that were not told yet, by number; one that is not there yet comes later."""
    numbers = {record[11] for record in batch.records}
    for record in batch.records:
        if record[1] == STALL:
            numbers.update(record[8:10])
    numbers.update(cell.now_what for cell in batch.cells)
    numbers.update(entry.what for entry in batch.open)
    new = {}
    for number in (numbers | ring.unknown) - ring.texts:
        if text := batch.text(number):
            new[str(number)] = without_queries(text)
            ring.texts.add(number)
            ring.unknown.discard(number)
        else:
            ring.unknown.add(number)
    return new

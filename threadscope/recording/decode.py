"""From the entries of a session file back to what an aggregator was told.

Nothing in a file is believed: each value has the type that it must have, texts are cleaned, and a
file that wants more memory than is its due is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from threadscope.model.aggregator import Aggregator
from threadscope.model.records import Batch, CellEntry, OpenEntry, clean_parts
from threadscope.model.sample import ProcessSample, ThreadSample
from threadscope.model.snapshot import Health, TargetInfo
from threadscope.recording.blocks import Block, BlockReader, Entry
from threadscope.recording.errors import RecordingError
from threadscope.recording.memory import check_memory
from threadscope.recording.plain import checked, from_plain

BY_NAME = frozenset(
    (
        "note", "begin_phase", "load_state", "set_load", "end_phase", "server_ended",
        "process_ended", "sockets", "stacks", "place",
    )
)  # fmt: skip
"""Entries that are called as the aggregator's methods are."""


MOST_PROCESSES, MOST_THREADS = 1024, 16_384
"""Of a server, and of one of its processes."""
MOST_OF_A_RING = 16_384
"""Cells, open requests or texts: some times what has room in one."""
NOT_OURS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What comes of entries that nobody of ours wrote."""


class Header(NamedTuple):
    """Who saved it, where and when."""

    threadscope: str
    host: dict[str, Any]
    saved: int
    """Unix seconds."""
    started: int
    """Monotonic ns."""
    wall_offset: int
    settings: dict[str, Any] | None = None
    """Of the lints; None: the usual ones."""


class Call(NamedTuple):
    """What the aggregator was told: a method of it, or an attribute, `target` or `limited`."""

    name: str
    args: tuple[Any, ...] = ()
    named: dict[str, Any] = {}  # noqa: RUF012  # never changed


class _Texts:
    """The strings of a ring."""

    def __init__(self) -> None:
        self.known: dict[int, str] = {}

    def get(self, number: int) -> str:
        return self.known.get(number, "")


class _Ring:
    """What was told of a ring so far."""

    def __init__(self) -> None:
        self.cells: list[CellEntry] = []
        self.open: dict[int, OpenEntry] = {}
        self.counts: tuple[int, ...] = (0, 0, 0)
        self.texts = _Texts()


class SessionFile:
    """A saved session.

    Args:
        path: the file.

    Raises:
        RecordingError: it cannot be read, or holds nothing.
    """

    def __init__(self, path: Path) -> None:
        self._blocks = BlockReader(path)
        self.path, self.size = path, self._blocks.size
        first = next(iter(self._blocks), None)
        if first is None:
            raise RecordingError(f"{path} ends before anything was seen")
        try:
            name, head = first.entries[0]
            if name != "begin":
                raise ValueError(name)
            self.header: Header = from_plain([head.get(key) for key in Header._fields], Header)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise RecordingError(f"{path} does not begin as a session does") from error
        self.whole = False
        """Whether the end was found; known when all calls were read."""

    @property
    def trouble(self) -> str:
        """Why it ends early; known when all calls were read, "" if it does not."""
        if self._blocks.trouble or self.whole:
            return self._blocks.trouble
        return f"{self.path.name} ends early: what saved it was killed"

    def calls(self) -> Iterator[tuple[Call, int]]:
        """What the aggregator was told, and how many bytes of the file were read for it.

        Raises:
            RecordingError: a block is whole, and yet not as this version writes it; or the file
                needs more memory than there is for it.
        """
        decoder = _Decoder()
        for block in self._blocks:
            check_memory(self.path)
            try:
                for call in decoder.calls(block):
                    yield call, block.end
            except NOT_OURS as error:
                raise RecordingError(f"{self.path} holds what this version cannot read") from error
            self.whole = bool(block.entries) and block.entries[-1] == ["end"]


class _Decoder:
    """Knows what was told so far."""

    def __init__(self) -> None:
        self._rings: dict[tuple[int, int], _Ring] = {}
        self._threads: dict[int, dict[int, ThreadSample]] = {}

    def calls(self, block: Block) -> Iterator[Call]:
        records = iter(block.records)
        for entry in block.entries:
            name = entry[0]
            if name == "batch":
                yield self._batch(entry, records)
            elif name == "sample":
                yield self._sample(entry)
            elif name == "advance":
                yield Call("advance", (from_plain(entry[1], int),))
            elif name == "snapshot":
                yield Call("snapshot", (from_plain(entry[1], Health),))
            elif name == "target":
                yield Call("target", (from_plain(entry[1], TargetInfo),))
            elif name == "limited":
                yield Call("limited", (from_plain(entry[1], str),))
            elif name in BY_NAME:
                hints = _hints(name)
                named = {k: from_plain(v, hints[k]) for k, v in entry[1].items() if k in hints}
                yield Call(name, (), named)

    def _batch(self, entry: Entry, records: Iterator[tuple[int, ...]]) -> Call:
        _, pid, load, t, read, more = entry
        pid, t, read = (from_plain(number, int) for number in (pid, t, read))
        ring = self._ring(pid, bool(load))
        if "cells" in more:
            count, changed = more["cells"]
            ring.cells = ring.cells[:count]
            for i, *cell in changed:
                ring.cells[i : i + 1] = [checked(CellEntry, cell)]
        if "open" in more:
            shut = set(more["shut"])
            ring.open = {k: v for k, v in ring.open.items() if k not in shut}
            ring.open.update({x.request: x for x in (checked(OpenEntry, x) for x in more["open"])})
        if "counts" in more:
            ring.counts = tuple(from_plain(number, int) for number in more["counts"])
        for number, text in more.get("texts", {}).items():
            ring.texts.known[int(number)] = clean_parts(str(text))
        if max(len(ring.cells), len(ring.open), len(ring.texts.known)) > MOST_OF_A_RING:
            raise ValueError("a ring has no room for so many")
        mine = list(islice(records, read))
        if len(mine) != read:
            raise ValueError("records are missing")
        batch = Batch(
            pid, t, [(*one, one[0]) for one in mine], ring.cells, list(ring.open.values()),
            ring.texts.get, *ring.counts,
        )  # fmt: skip
        return Call("add_batch", (batch,), {"load": bool(load)})

    def _ring(self, pid: int, load: bool) -> _Ring:
        ring = self._rings.get((pid, load))
        if ring is None:
            if len(self._rings) >= MOST_PROCESSES:
                raise ValueError("no server has so many processes")
            ring = self._rings[pid, load] = _Ring()
        return ring

    def _sample(self, entry: Entry) -> Call:
        _, pid, t, cpu_ns, changed, order = entry
        pid, t, cpu_ns = (from_plain(number, int) for number in (pid, t, cpu_ns))
        threads = self._threads.setdefault(pid, {})
        threads.update({x.tid: x for x in (checked(ThreadSample, x) for x in changed)})
        if order is not None:
            threads = self._threads[pid] = {tid: threads[tid] for tid in order}
        if len(threads) > MOST_THREADS or len(self._threads) > MOST_PROCESSES:
            raise ValueError("no server has so many threads")
        return Call("add_sample", (ProcessSample(pid, t, cpu_ns, tuple(threads.values())),))


@cache
def _hints(name: str) -> dict[str, Any]:
    hints = get_type_hints(getattr(Aggregator, name))
    hints.pop("return", None)
    return hints

"""The reading end of a ring file.

It reads with `pread`, never through a mapping: a file that is cut short under a mapping kills the
reader. Nothing in a ring is believed: it must be a file, and its user's; sizes are checked, strings
are cleaned, a record counts only when it was complete before and after it was copied.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from threadscope.model.records import CellEntry, OpenEntry, Record, clean_parts
from threadscope.model.text import clean
from threadscope.probe import layout as L
from threadscope.rings.tables import Table

CHUNK = 512
FIRST_CHUNK = 32
"""Mostly little is new. Where more writers than this have claimed and not written, what others
wrote behind them is found by a later look."""
MOST_SLOTS = 1 << 18
"""Eight times what the probe makes: a ring is never read into more memory than this takes."""
HOLE_AFTER_NS = 250_000_000
"""A number may be claimed and written late (112 ms were seen); after this it never comes."""
_HEADER = struct.Struct(f"={L.HEADER_WORDS}Q")
_CELL = struct.Struct(f"={L.CELL_WORDS}Q")
_WORD = struct.Struct("=Q")
_KINDS = frozenset(range(L.ARRIVE, L.HOP_END + 1))
_END, _HOP_OUT, _HOP_END = L.END, L.HOP_OUT, L.HOP_END
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""Whatever lies there: no link leads elsewhere, no pipe keeps us waiting."""
_SIZE = L.RECORD.size
_WORDS = _SIZE // L.WORD
_LAST = _WORDS - 1
_CELLS_TOGETHER, _SLOTS_TOGETHER = 16, 64
"""Of the tables, what is looked at together."""


Header = tuple[int, ...]
"""The words of `probe.layout`, by W_*."""


class RingUnreadable(Exception):
    """The file is no ring of this version, or no whole one."""


def _open_entries(data: bytes) -> list[OpenEntry]:
    new, slots = OpenEntry._make, L.OPEN_SLOT.iter_unpack(data)
    return [new(slot) for slot in slots if slot[L.O_REQUEST]]


class RingReader:
    """Follows one ring.

    Attributes:
        pid: the writer.
        pid_start: its start time in clock ticks, 0 if it did not know.
        dropped: records overwritten before they were read.
        holes: records claimed and never written.
        ended_before: requests that had ended when the reading began.
    """

    def __init__(self, path: Path, *, from_start: bool = True) -> None:
        """Opens a ring.

        Args:
            path: the file.
            from_start: read all that the ring still holds; else only what comes from now on.

        Raises:
            RingUnreadable: it is no ring of this version, or cut short, or somebody else's.
            OSError: it cannot be opened.
        """
        self.path, self._name = path, clean(path.name, 80)
        self._fd = os.open(path, _OPEN)
        try:
            self._check()
        except BaseException:
            os.close(self._fd)
            raise
        self.dropped = self.holes = 0
        self._next = 1
        self._missing: dict[int, int] = {}
        self._texts: dict[int, str] = {0: ""}
        self._cells = Table(self._parse_cells, _CELLS_TOGETHER * _CELL.size)
        self._open = Table(_open_entries, _SLOTS_TOGETHER * L.OPEN_SLOT.size)
        self.ended_before = 0
        if not from_start:
            self._next = self._newest() + 1
            self.ended_before = sum(cell.ended for cell in self.cells())

    def _check(self) -> None:
        file = os.fstat(self._fd)
        if not stat.S_ISREG(file.st_mode):
            raise RingUnreadable(f"{self._name} is not a file")
        if file.st_uid != os.geteuid() and os.geteuid():
            raise RingUnreadable(f"{self._name} belongs to another user")
        data = os.pread(self._fd, _HEADER.size, 0)
        if len(data) < _HEADER.size:
            raise RingUnreadable(f"{self._name} is cut short")
        words = _HEADER.unpack(data)
        if words[L.W_MAGIC] != L.MAGIC:
            raise RingUnreadable(f"{self._name} is not a ring file")
        if words[L.W_VERSION] != L.VERSION:
            raise RingUnreadable(
                f"{self._name} has version {words[L.W_VERSION]}, this threadscope reads "
                f"{L.VERSION}: use the same threadscope on both sides"
            )
        self._sections = [
            words[L.W_SECTIONS + 3 * i : L.W_SECTIONS + 3 * i + 3] for i in range(L.S_RECORDS + 1)
        ]
        self.slots = self._sections[L.S_RECORDS][2]
        if not 1 <= self.slots <= MOST_SLOTS or self._sections != L.sections(self.slots):
            raise RingUnreadable(f"{self._name} has sections of another shape")
        if file.st_size < L.total_size(self.slots):
            raise RingUnreadable(f"{self._name} is cut short")
        self.pid, self.pid_start = words[L.W_PID], words[L.W_PID_START]

    def _newest(self) -> int:
        data = self._read_records(0, self.slots)
        return max((r[0] for r in L.RECORD.iter_unpack(data) if r[0] == r[-1]), default=0)

    def close(self) -> None:
        """Lets go of the file; the texts that were asked for stay known."""
        os.close(self._fd)
        self._fd = -1
        self._cells.read(b"")
        self._open.read(b"")

    def beat(self, t: int) -> None:
        """Tells the probe that somebody watches.

        Args:
            t: monotonic ns.
        """
        os.pwrite(self._fd, _WORD.pack(t), L.W_HEARTBEAT * L.WORD)

    def header(self) -> Header:
        """The header's words; all 0 when the file is gone short."""
        data = os.pread(self._fd, _HEADER.size, 0)
        return _HEADER.unpack(data) if len(data) == _HEADER.size else (0,) * L.HEADER_WORDS

    def text(self, number: int) -> str:
        """The text of a string number, harmless for a terminal; "" for what is not there."""
        known = self._texts.get(number)
        if known is not None:
            return known
        if self._fd < 0:  # its records are still being told when it is closed
            return ""
        offset, size, count = self._sections[L.S_STRINGS]
        if number >= count:
            return ""
        data = os.pread(self._fd, size, offset + number * size)
        if len(data) < size:
            return ""
        length = min(L.STRING_LENGTH.unpack_from(data)[0], size - 2)
        if not length:
            return ""  # perhaps not written yet: not remembered
        text = self._texts[number] = clean_parts(data[2 : 2 + length].decode("utf-8", "replace"))
        return text

    def cells(self, header: Header | None = None) -> list[CellEntry]:
        """The cells that were ever used.

        Args:
            header: the present one, from whoever has read it already.
        """
        data = self._used(L.S_CELLS, (header or self.header())[L.W_CELL_HIGH])
        return self._cells.read(data)

    def _parse_cells(self, data: bytes) -> list[CellEntry]:
        return [self._cell(words) for words in _CELL.iter_unpack(data)]

    def _cell(self, words: tuple[int, ...]) -> CellEntry:
        what, role, request = words[L.C_NOW_WHAT], words[L.C_ROLE], words[L.C_NOW_REQUEST]
        begun = bool(request and role & L.ROLE_WORKER)  # a hop that has not ended
        return CellEntry(
            request, words[L.C_NOW_SINCE], what & 0xFFFF, words[L.C_NOW_CLIENT], what >> 48,
            words[L.C_TID], clean(self.text(words[L.C_NAME])), role, words[L.C_ENDED],
            max(words[L.C_HOPS] - begun, 0), words[L.C_HOPS_BEFORE], words[L.C_WEBSOCKETS],
        )  # fmt: skip

    def open(self, header: Header | None = None) -> list[OpenEntry]:
        """The requests that are open now and have waited at least once.

        Args:
            header: the present one, from whoever has read it already.
        """
        data = self._used(L.S_OPEN, (header or self.header())[L.W_OPEN_HIGH])
        return self._open.read(data)

    def _used(self, section: int, high: int) -> bytes:
        """The items of a section that were ever used; whole ones only."""
        offset, size, count = self._sections[section]
        data = os.pread(self._fd, min(high, count) * size, offset)
        return data[: len(data) // size * size]

    def drain(self, t: int) -> list[Record]:
        """The records that came since the last call, late ones among them.

        Args:
            t: monotonic ns now; what is missing for longer than 250 ms is given up.
        """
        out = self._late(t)
        size = FIRST_CHUNK
        for _ in range(self.slots // CHUNK + 16):  # about a lap: a writer may be the faster one
            if not self._scan(out, t, size):
                break
            size = CHUNK
        return out

    def _scan(self, out: list[Record], t: int, size: int) -> bool:
        """Reads one chunk; whether it was full, so that there may be more.

        What is complete, in a row and the same in two copies is taken all at once.
        """
        begin = self._next
        first = self._read_records(begin, size)
        words = memoryview(first).cast("Q")
        begins = words[::_WORDS].tolist()
        newest = max(begins, default=0)
        if newest < begin:
            return False
        whole = min(newest - begin + 1, len(begins))
        if begins[:whole] != list(range(begin, begin + whole)):
            whole = next(i for i, seq in enumerate(begins) if seq != begin + i)
        second = self._read_records(begin, whole)
        again = memoryview(second).cast("Q")
        if not whole or second != first[: whole * _SIZE] or again[::_WORDS] != again[_LAST::_WORDS]:
            return self._scan_one_by_one(out, t, first)
        out += _records(second)
        self._next += whole
        if whole < len(begins) and max(begins[whole:]) > self._next:
            return self._scan_one_by_one(out, t, first[whole * _SIZE :])
        return whole == size

    def _scan_one_by_one(self, out: list[Record], t: int, first: bytes) -> bool:
        """Like `_scan`, where records are missing, half written or overwritten.

        Args:
            out: where they go.
            t: monotonic ns.
            first: a first copy of them.
        """
        size = len(first) // _SIZE
        second = self._read_records(self._next, size)
        same = first == second
        missing: list[int] = []
        highest = self._next - 1
        for want, record in enumerate(L.RECORD.iter_unpack(second), self._next):
            if record[0] == want == record[13]:
                at = (want - self._next) * _SIZE
                if not same and first[at : at + _SIZE] != second[at : at + _SIZE]:
                    missing.append(want)  # was being written: next time
                    continue
                highest = want
                if record[1] in _KINDS:
                    out += apart(record)
            elif record[0] > want and record[0] == record[13] and self._laps(record[0], want):
                self._overtaken(record[0], highest, want, missing, t)
                return True
            else:
                missing.append(want)
        for number in missing:
            if number < highest:
                self._missing[number] = t
        full = highest == self._next + size - 1
        self._next = highest + 1
        return full

    def _laps(self, seq: int, want: int) -> bool:
        return bool((seq - want) % self.slots == 0)

    def _overtaken(self, seq: int, highest: int, want: int, missing: list[int], t: int) -> None:
        """The writer is a lap ahead: goes on a little after the oldest record that is left."""
        to = max(seq - self.slots + self.slots // 8, want + 1)
        self.dropped += to - want + len(missing) + len(self._missing)
        self._missing.clear()
        self._next = to

    def _late(self, t: int) -> list[Record]:
        """Looks once more for the records that were claimed and not written."""
        out: list[Record] = []
        for number, since in list(self._missing.items()):
            record = self._one(number)
            if record is not None and record[0] == number:
                if record[1] in _KINDS:
                    out += apart(record)
            elif record is not None and record[0] > number and self._laps(record[0], number):
                self.dropped += 1
            elif t - since > HOLE_AFTER_NS:
                self.holes += 1
            else:
                continue
            del self._missing[number]
        return out

    def _one(self, number: int) -> Record | None:
        """One record, if it is complete."""
        first, second = self._read_records(number, 1), self._read_records(number, 1)
        if first != second or len(second) < L.RECORD.size:
            return None
        record = L.RECORD.unpack(second)
        return record if record[0] == record[13] else None

    def _read_records(self, number: int, count: int) -> bytes:
        """Copies slots from a number's on, around the end; whole records only."""
        offset, size, slots = self._sections[L.S_RECORDS]
        count = min(count, slots)
        index = number % slots
        head = min(count, slots - index)
        data = os.pread(self._fd, head * size, offset + index * size)
        if head < count and len(data) == head * size:
            data += os.pread(self._fd, (count - head) * size, offset)
        return data[: len(data) // size * size]


def _records(data: bytes) -> Iterable[Record]:
    """Whole and complete records, as far as we know their kinds; of a HOP_END the two parts."""
    kinds = data[L.WORD :: _SIZE]
    if L.HOP_END in kinds:
        out: list[Record] = []
        for kind, at in zip(kinds, range(0, len(data), _SIZE), strict=True):
            if kind == _HOP_END:
                out += hop_end(data, at)
            elif kind in _KINDS:
                out.append(L.RECORD.unpack_from(data, at))
        return out
    if _KINDS.issuperset(kinds):
        return L.RECORD.iter_unpack(data)
    return [record for record in L.RECORD.iter_unpack(data) if record[L.R_KIND] in _KINDS]


def apart(record: Record) -> tuple[Record, ...]:
    """The two records that a HOP_END stands for; any other one alone."""
    if record[L.R_KIND] != L.HOP_END:
        return (record,)
    return hop_end(L.RECORD.pack(*record), 0)


def hop_end(data: bytes, at: int) -> tuple[Record, Record]:
    """The HOP_OUT and the END that a HOP_END stands for.

    Args:
        data: records.
        at: where it begins in them.
    """
    (seq, _, last, status, tid, worker, client, handed, request, arrived, took, begun, hopped,
     what, _) = L.HOP_ENDS.unpack_from(data, at)  # fmt: skip
    begin, first = arrived + begun, handed // 1000
    waited = (begun - handed) // 1000 if begun > handed else 0
    held = first + last
    return (
        (seq, _HOP_OUT, L.F_ENDPOINT, 0, worker, request, begin + hopped, begin, hopped // 1000,
         waited, client, what, 0, seq),
        (seq, _END, 0, status, tid, request, arrived + took, arrived, held, held,
         first if first > last else last, what, 2, seq),
    )  # fmt: skip

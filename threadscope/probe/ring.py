"""The writer's end of a ring file: no system call, no lock and no wait per event.

Any thread may write at any time. Numbers are claimed with one atomic step, so that writers never
meet; what a slow reader has not fetched in time is overwritten, and the reader can tell.
"""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from . import compiled
from . import layout as L

BLOCK = 64
"""Slots of the open table that come into use together."""
READ_AGAIN_NS = 1_000_000
"""A reading of a thread's CPU clock is too old after this."""


class RingError(OSError):
    """No ring could be made: the folder is missing, or its file system has no room."""


def _pid_start() -> int:
    """Start time of this process in clock ticks (field 22 of /proc/PID/stat), 0 if unknown."""
    try:
        with open("/proc/self/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _open_folder(folder: str) -> int:
    """A descriptor of it: the ring is made there, and nowhere that a link leads to."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if os.fstat(fd).st_uid != os.geteuid():
        os.close(fd)
        raise RingError(errno.EPERM, "%s belongs to another user" % folder)
    return fd


def _allocate(name: str, records: int, folder: int) -> tuple[int, int]:
    """Makes the file with all its blocks; halves it while the file system is short.

    `posix_fallocate`, because a hole in a full tmpfs is a SIGBUS in the writer.
    """
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        while True:
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(fd, 0, L.total_size(records))
                else:  # macOS, Windows: write the blocks
                    os.pwrite(fd, bytes(L.total_size(records)), 0)
                return fd, records
            except OSError:
                os.ftruncate(fd, 0)  # nobody has mapped it yet
                if records <= L.MIN_RECORDS:
                    raise
                records //= 2
    except OSError as error:
        os.close(fd)
        os.unlink(name, dir_fd=folder)
        raise RingError(error.errno, f"no room for a ring {name}: {error.strerror}") from error


def _map(fd: int, size: int) -> mmap.mmap:
    """Maps with all pages in place where that can be had: no page fault in a request."""
    if hasattr(mmap, "MAP_POPULATE"):  # Linux, Python >= 3.10
        return mmap.mmap(fd, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    return mmap.mmap(fd, size)


class Cell:
    """A thread's own numbers.

    Attributes:
        at: index of its first word in the ring's words.
        now: index of the word that says which request it serves, 0: none.
        begin: where in the ring's map its words begin, in bytes.
        next_hop: counts the hops that begin.
        cpu: the thread's CPU clock when it was last read, ns.
        read_again: from when on that is too old, monotonic ns.
    """

    __slots__ = ("at", "begin", "cpu", "next_hop", "now", "read_again", "tid")

    def __init__(self, at: int, tid: int, hops: int = 0) -> None:
        self.at, self.tid = at, tid
        self.now, self.begin = at + L.C_NOW_REQUEST, at * L.WORD
        self.next_hop = itertools.count(hops + 1).__next__
        self.cpu = self.read_again = 0

    def lap(self, t: int, wall: int) -> int:
        """CPU since the clock was last read, at most `wall`; reads it again."""
        before, self.cpu = self.cpu, time.thread_time_ns()
        self.read_again = t + READ_AGAIN_NS
        return min(self.cpu - before, wall)


class RingWriter:
    """One process's ring.

    Attributes:
        map: the whole file.
        words: the same as 64-bit words; single words are written through it.
        path: the file.
        records: the compiled writer of records, None: there is none.
        put: writes one record; the fields' meaning depends on the kind, see `layout`.
        claim: the number of the next record.
    """

    put: Callable[..., None]

    def __init__(self, folder: str, name: str = "server", records: int = L.RECORDS) -> None:
        """Makes `FOLDER/NAME-PID-START.ring`.

        Raises:
            RingError: the folder is full, or another user's.
            OSError: it is missing, is a link, or cannot be written.
        """
        where = _open_folder(folder)
        try:
            self._make(where, folder, name, records)
        finally:
            os.close(where)

    def _make(self, where: int, folder: str, name: str, records: int) -> None:
        pid, start = os.getpid(), _pid_start()
        name = f"{name}-{pid}-{start}.ring"
        self.path = os.path.join(folder, name)
        fd, self.slots = _allocate(name + ".new", records, where)
        try:
            self.map = _map(fd, L.total_size(self.slots))
        finally:
            os.close(fd)
        self.words = memoryview(self.map).cast("Q")
        self.pack = L.RECORD.pack_into
        sections = L.sections(self.slots)
        self.records_at = sections[L.S_RECORDS][0]
        fast = compiled.load()
        self.records: Any = None
        self._new_cell: Callable[..., Cell] = Cell
        self.claim, self.put = itertools.count(1).__next__, self._put
        if fast is not None:
            self.records = fast.Records(self.map, self.records_at, self.slots)
            self._new_cell = fast.Cell
            self.claim, self.put = self.records.claim, self.records.put
        self._strings_at = sections[L.S_STRINGS][0]
        self._cells_at = sections[L.S_CELLS][0] // L.WORD
        self._strings: dict[str, int] = {}
        self._next_string = itertools.count(1).__next__
        self._next_cell = itertools.count().__next__
        self._free_cells: deque[int] = deque()
        self._cells: dict[int, Cell] = {}
        self._spare_cell = self._new_cell(self._cells_at + (L.CELLS - 1) * L.CELL_WORDS, 0)
        first = sections[L.S_OPEN][0] // L.WORD
        self.free_open: list[int] = []
        self._blocks = iter(range(first, first + L.OPEN * L.OPEN_WORDS, BLOCK * L.OPEN_WORDS))
        self._open_at = first
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            self._serialise()
        self._write_header(pid, start, sections)
        os.rename(name + ".new", name, src_dir_fd=where, dst_dir_fd=where)

    def _serialise(self) -> None:
        """Free-threaded Python: claims are made under a lock (0.3 us more)."""
        lock, claim = threading.Lock(), self.claim

        def locked() -> int:
            with lock:
                return claim()

        self.claim = locked

    def _write_header(self, pid: int, start: int, sections: list[tuple[int, int, int]]) -> None:
        words = self.words
        words[L.W_VERSION] = L.VERSION
        words[L.W_PID], words[L.W_PID_START] = pid, start
        words[L.W_CREATED] = now = time.monotonic_ns()
        words[L.W_WALL_OFFSET] = time.time_ns() - now
        words[L.W_PYTHON] = self.string("%d.%d.%d" % sys.version_info[:3])
        words[L.W_GIL] = int(getattr(sys, "_is_gil_enabled", lambda: True)())
        for i, section in enumerate(sections):
            for j, value in enumerate(section):
                words[L.W_SECTIONS + 3 * i + j] = value
        words[L.W_MAGIC] = L.MAGIC

    def _put(
        self, kind: int, flags: int, status: int, tid: int, request: int, t: int, a: int = 0,
        x: int = 0, y: int = 0, z: int = 0, what: int = 0, n: int = 0,
    ) -> None:  # fmt: skip
        seq = self.claim()
        self.pack(self.map, self.records_at + seq % self.slots * 64, seq, kind, flags, status,
                   tid, request, t, a, x, y, z, what, n, seq)  # fmt: skip

    def string(self, text: str) -> int:
        """The number of a text, which is written down at its first use; 0 when there is no room."""
        number = self._strings.get(text)
        if number is None:
            number = self._strings[text] = self._new_string(text)
        return number

    def _new_string(self, text: str) -> int:
        number = self._next_string()
        if number >= L.STRINGS:
            self.words[L.W_STRING_OVERFLOW] += 1
            return 0
        data = text.encode("utf-8", "replace")[: L.STRING_SIZE - 2]
        at = self._strings_at + number * L.STRING_SIZE
        self.map[at + 2 : at + 2 + len(data)] = data
        L.STRING_LENGTH.pack_into(self.map, at, len(data))
        return number

    def cell(self, tid: int, ident: int, role: int, name: str) -> Cell:
        """The cell of a thread, by its kernel id; a new one at first sight."""
        cell = self._cells.get(tid)
        if cell is None:
            try:
                index = self._free_cells.popleft()
            except IndexError:
                index = self._next_cell()
                self.words[L.W_CELL_HIGH] = min(index + 1, L.CELLS)
            if index >= L.CELLS - 1:  # the last one is shared by all who came too late
                self.words[L.W_CELL_OVERFLOW] += 1
                self.words[L.W_CELL_HIGH] = L.CELLS
                return self._spare_cell
            words, at = self.words, self._cells_at + index * L.CELL_WORDS
            cell = self._cells[tid] = self._new_cell(at, tid, words[at + L.C_HOPS])
            words[at + L.C_HOPS_BEFORE] = words[at + L.C_HOPS]
            words[at + L.C_NOW_REQUEST] = 0
            words[at + L.C_ROLE] = words[at + L.C_WEBSOCKETS] = 0
        words, at = self.words, cell.at
        words[at + L.C_NAME] = self._thread_name(name)
        words[at + L.C_ROLE] |= role
        words[at + L.C_IDENT] = ident
        words[at + L.C_TID] = tid
        return cell

    def _thread_name(self, name: str) -> int:
        """Its string number; apps that name ever new threads leave half of the room to routes."""
        if len(self._strings) < L.STRINGS // 2:
            return self.string(name)
        return self._strings.get(name, 0)

    def free_cells(self, cells: list[Cell]) -> None:
        """Gives back the cells of threads that ended; their totals stay."""
        for cell in cells:
            if self._cells.pop(cell.tid, None) is cell:
                self.words[cell.at + L.C_NOW_REQUEST] = 0
                self.words[cell.at + L.C_TID] = 0
                self._free_cells.append((cell.at - self._cells_at) // L.CELL_WORDS)

    def cells(self) -> list[Cell]:
        """All cells in use."""
        return list(self._cells.values())

    def open_slot(self) -> int:
        """Index of the first word of a free slot of the open table, or 0 when it is full."""
        try:
            return self.free_open.pop()
        except IndexError:
            return self._more_slots()

    def _more_slots(self) -> int:
        """Takes another block into use: the reader looks at no more of them than were needed."""
        block = next(self._blocks, 0)
        if not block:
            self.words[L.W_OPEN_OVERFLOW] += 1
            return 0
        slots = range(block, block + BLOCK * L.OPEN_WORDS, L.OPEN_WORDS)
        self.words[L.W_OPEN_HIGH] = (slots[-1] - self._open_at) // L.OPEN_WORDS + 1
        # the lowest slot is on top: the table stays dense at its low end
        self.free_open.extend(reversed(slots[1:]))
        return slots[0]

    def error(self) -> None:
        """Counts an error of the probe's own, which the app never sees."""
        self.words[L.W_ERRORS] += 1

    def unlink(self) -> None:
        """Removes the file; the mapping stays usable."""
        try:
            os.unlink(self.path)
        except OSError:
            pass

"""A session file as such: one line that says what it is, then compressed blocks.

A block stands for itself: its length and its checksum come first. What was written last is lost
when the writer dies in the middle of it, and nothing before that.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple

from threadscope.recording.errors import RecordingError
from threadscope.recording.paths import open_empty, take_away

FORMAT = 1
MAGIC = b"threadscope session "
FIRST_LINE = MAGIC + b"%d\n"
HEAD = Struct("<3I")
"""Length and CRC-32 of what follows, and how much of it, unpacked, is JSON."""
RECORD = Struct("<QBBHIQQQIIIHH")
"""A ring's record without its second sequence number."""
MOST_TEXT, MOST = 8 << 20, 32 << 20
"""Bytes of a block's JSON, and of all of it, unpacked; `encode` writes blocks of a sixth of that.
As Python's objects they take twenty times as much: a block that was made to be unpacked is none."""

FARTHEST = 1e19
"""Fractions are seconds, shares and percentages; this is more ns than a clock of 64 bits has."""

Entry = list[Any]


class Block(NamedTuple):
    """About a second of what was observed."""

    entries: list[Entry]
    records: list[tuple[int, ...]]
    """Of all batches in the entries, in their order."""
    end: int
    """Bytes of the file up to here."""


class BlockWriter:
    """Appends blocks to a new file.

    Args:
        path: an older session there is overwritten, and nothing else.

    Raises:
        RecordingError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = open_empty(path, 0o600, "session file", lambda start: start.startswith(MAGIC))
        try:
            os.write(self._fd, FIRST_LINE % FORMAT)
        except OSError as error:
            os.close(self._fd)
            raise RecordingError(f"cannot write {path}: {error.strerror}") from error
        self._size = os.lseek(self._fd, 0, os.SEEK_CUR)
        self.trouble = ""
        """Why nothing is written any more."""

    def write(self, entries: list[Entry], records: list[bytes]) -> None:
        """Appends a block; a full disk ends the file before it, and `trouble` says so."""
        if self.trouble:
            return
        text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
        packed = zlib.compress(text + b"".join(records), 6)
        data = HEAD.pack(len(packed), zlib.crc32(packed), len(text)) + packed
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
            self._size += written
        except OSError as error:
            self.trouble = f"{self._path.name} ends here: {error.strerror}"
            os.ftruncate(self._fd, self._size)

    def take_away(self) -> None:
        """Removes the file: nothing came to be seen."""
        take_away(self._path, self._fd)

    def close(self) -> None:
        """Lets go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class BlockReader:
    """Reads a file's blocks, as far as they are whole.

    Args:
        path: the file.

    Raises:
        RecordingError: it cannot be read, or is no session file of this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            refuse_other_than_files(path)
            self.size = path.stat().st_size
            with path.open("rb") as file:
                line = file.readline(80)
        except OSError as error:
            raise RecordingError(f"cannot read {path}: {error.strerror}") from error
        self._start = len(line)
        if not line.startswith(MAGIC) or not line.removeprefix(MAGIC).strip().isdigit():
            raise RecordingError(f"{path} is no session file: `--save` makes them")
        if int(line.removeprefix(MAGIC)) != FORMAT:
            raise RecordingError(
                f"{path} has format {line.removeprefix(MAGIC).decode().strip()}, this threadscope "
                f"reads {FORMAT}: use the version that wrote it, or a newer one"
            )
        self.trouble = ""
        """Why the file ends before its end; known when all blocks were read."""

    def __iter__(self) -> Iterator[Block]:
        """From the first block to the last whole one."""
        self.trouble = ""
        end = self._start
        with self.path.open("rb") as file:
            file.seek(end)
            while head := file.read(HEAD.size):
                block = self._block(head, file.read(_length(head)), end)
                if block is None:
                    self.trouble = f"{self.path.name} is cut off or damaged after {end:,} bytes"
                    return
                yield block
                end = block.end

    def _block(self, head: bytes, packed: bytes, begin: int) -> Block | None:
        if len(head) < HEAD.size:
            return None
        length, crc, text = HEAD.unpack(head)
        if len(packed) != length or zlib.crc32(packed) != crc or text > MOST_TEXT:
            return None
        try:
            data = zlib.decompressobj().decompress(packed, MOST)
            entries = _entries(data[:text])
            records = list(RECORD.iter_unpack(data[text:]))
        except (ValueError, RecursionError, zlib.error, StructError):
            return None
        return Block(entries, records, begin + HEAD.size + length)


def _entries(text: bytes) -> list[Entry]:
    """What a block's JSON says. A number that no clock or count can have makes it none of ours."""
    entries = json.loads(text, parse_int=_whole, parse_float=_fraction, parse_constant=_no_number)
    if not isinstance(entries, list):
        raise ValueError("no list")
    return entries


def _whole(text: str) -> int:
    if len(text) > 20:  # 64 bits have 20 digits at most
        raise ValueError("no number of ours")
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if not -FARTHEST < number < FARTHEST:
        raise ValueError("no number of ours")
    return number


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def refuse_other_than_files(path: Path) -> None:
    """A pipe would keep us waiting, a device has no end.

    Raises:
        RecordingError: the path leads to something else than a file.
        OSError: it leads nowhere.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise RecordingError(f"cannot read {path}: it is not a file")


def _length(head: bytes) -> int:
    return min(HEAD.unpack(head)[0], MOST) if len(head) == HEAD.size else 0

"""Writes screencasts: asciicast v2, or v3. A line an event, valid up to the last whole line."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from threadscope.recording.errors import RecordingError
from threadscope.recording.paths import open_empty, take_away

VERSIONS = (2, 3)
FLUSH_BYTES = 64 * 1024
FLUSH_S = 1.0


class CastWriter:
    """One screencast.

    Args:
        path: is overwritten if it is a screencast.
        width: columns.
        height: rows.
        version: 2, which every player reads, or 3.
        title: of the cast.
        clock: monotonic seconds.

    Raises:
        RecordingError: it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        *,
        version: int = 2,
        title: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.trouble = ""
        """Why nothing is written any more."""
        self._fd = open_empty(path, 0o644, "screencast", _is_cast)
        self._version, self._clock = version, clock
        self._size = (width, height)
        self._waiting: list[bytes] = []
        self._bytes = self._kept = self._ms = 0
        self._begun: float | None = None
        self._flushed = 0.0
        head: dict[str, Any] = {"version": 2, "width": width, "height": height}
        if version == 3:
            head = {"version": 3, "term": {"cols": width, "rows": height}}
        head |= {"timestamp": int(time.time()), "title": title}
        self._line(head)
        self._flush()
        if self.trouble:
            os.close(self._fd)
            raise RecordingError(f"cannot write {path}: {self.trouble.partition(': ')[2]}")

    def output(self, data: str) -> None:
        """What the terminal was sent."""
        self._event("o", data)

    def resize(self, width: int, height: int) -> None:
        """The terminal's size, if it is another one now."""
        if (width, height) != self._size:
            self._size = width, height
            self._event("r", f"{width}x{height}")

    def marker(self, label: str) -> None:
        """A place to jump to."""
        self._event("m", label)

    def close(self) -> None:
        """Writes what waits, and lets go of the file, which is none if nothing came to be seen.

        May be called again.
        """
        if self._fd < 0:
            return
        self._flush()
        if self._begun is None:
            take_away(self.path, self._fd)
        os.close(self._fd)
        self._fd = -1

    def _event(self, code: str, data: str) -> None:
        """Differences of rounded times, never rounded differences: those drift."""
        t = self._clock()
        if self._begun is None:
            self._begun = self._flushed = t
        ms = max(round((t - self._begun) * 1000), self._ms)
        since = ms - self._ms if self._version == 3 else ms
        self._ms = ms
        self._line([since / 1000, code, data])
        if self._bytes >= FLUSH_BYTES or t - self._flushed >= FLUSH_S:
            self._flushed = t
            self._flush()

    def _line(self, value: object) -> None:
        line = (
            json.dumps(value, ensure_ascii=False, separators=(", ", ": ")).encode(errors="replace")
            + b"\n"
        )
        self._waiting.append(line)
        self._bytes += len(line)

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        self._waiting, self._bytes = [], 0
        if self.trouble or self._fd < 0:
            return
        try:
            written = 0
            while written < len(data):
                written += os.write(self._fd, data[written:])
            self._kept += written
        except OSError as error:
            self.trouble = f"{self.path.name} ends here: {error.strerror}"
            self._keep_whole_lines(data[:written])

    def _keep_whole_lines(self, written: bytes) -> None:
        try:
            os.ftruncate(self._fd, self._kept + written.rfind(b"\n") + 1)
        except OSError:  # no ordinary file
            pass


def _is_cast(start: bytes) -> bool:
    return start.startswith(b"{") and b'"version"' in start

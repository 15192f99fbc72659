"""The last lines that a server printed."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from itertools import islice

from threadscope.model.text import clean

_CHUNK = 64 * 1024
_PIPE = 1024 * 1024
"""Bytes that a pipe can be made to hold: as much as an unprivileged user may ask for."""
_LITTLE = 8 * 1024
_NAP_S = 0.05
"""A server that logs each request would wake us for each: after a little came, the rest may wait
in the pipe for so long. That is room for 20 MB a second before the server would have to wait."""


class OutputBuffer:
    """Keeps the end of a process's output.

    A thread always reads, so that a server never waits for its monitor; what is kept is bounded
    in lines and in the length of a line. Lines are made harmless only when someone looks.

    Args:
        max_lines: lines kept.
        max_line: bytes kept of a line.
    """

    def __init__(self, max_lines: int = 2000, max_line: int = 2000) -> None:
        self._max_line = max_line
        self._lines: deque[bytes] = deque(maxlen=max_lines)
        self._partial = b""
        self._count = 0
        self._lock = threading.Lock()
        self._shown: tuple[int, int, tuple[str, ...]] = (0, 0, ())
        self._thread: threading.Thread | None = None

    @property
    def count(self) -> int:
        """Lines seen so far; it tells whether there is news."""
        return self._count

    def read_from(self, fd: int) -> None:
        """Starts the reading thread; it owns `fd` and closes it at the end of the output."""
        self._thread = threading.Thread(
            target=self._read, args=(fd,), name="server output", daemon=True
        )
        self._thread.start()

    def lines(self, n: int) -> tuple[str, ...]:
        """The last `n` lines, oldest first; the same object again while nothing was printed."""
        with self._lock:
            count = self._count
            if self._shown[:2] == (count, n):
                return self._shown[2]
            last = list(islice(reversed(self._lines), n))
        texts = tuple(self._text(line) for line in reversed(last))
        self._shown = (count, n, texts)
        return texts

    def join(self, timeout: float) -> bool:
        """Waits for the end of the output, at most `timeout` seconds; True if it came."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def feed(self, data: bytes) -> None:
        """Takes some output; the reading thread calls it."""
        first, *rest = data.split(b"\n")
        with self._lock:
            self._partial = self._cut(self._partial + first)
            for piece in rest:
                self._lines.append(self._partial)
                self._count += 1
                self._partial = self._cut(piece)

    def _cut(self, line: bytes) -> bytes:
        return line if len(line) <= self._max_line else line[: self._max_line + 1]

    def _text(self, line: bytes) -> str:
        # of a progress bar that overwrites itself only the last state counts
        visible = line.rstrip(b"\r").rpartition(b"\r")[2]
        return clean(visible.decode(errors="replace"), self._max_line)

    def _read(self, fd: int) -> None:
        roomy = _widen(fd)
        try:
            while data := os.read(fd, _CHUNK):
                self.feed(data)
                if roomy and len(data) < _LITTLE:
                    time.sleep(_NAP_S)
        except OSError:  # a pty's end of file
            pass
        finally:
            os.close(fd)
            if self._partial:
                self.feed(b"\n")


def _widen(fd: int) -> bool:
    """Lets a pipe hold more; False where that cannot be: no pipe, another system, no room."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)
    except OSError:
        return False
    return True

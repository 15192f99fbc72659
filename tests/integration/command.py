"""The command as a person starts it: in a terminal or in a pipe, watched from outside."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import psutil

from threadscope.model.records import Batch
from threadscope.rings.set import RingSet

LIMIT_S = 60
GONE_S = 5
"""After the end of the monitor nothing may be left after so many seconds."""
WORK = "1000000"
"""A request of some 30 ms."""
SIZE = (36, 120)
"""Lines and columns of a terminal."""
SHELL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job of a script has it ignored
if os.isatty(0):
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "threadscope", *sys.argv[1:]])
"""
LONGEST_ESCAPE = 64
ESCAPES = re.compile(r"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78])")


def eventually(look, limit: float = LIMIT_S, what: str = ""):
    """What `look` gives as soon as it gives something."""
    end = time.monotonic() + limit
    while not (result := look()):
        assert time.monotonic() < end, f"did not happen in {limit} s: {what or look}"
        time.sleep(0.02)
    return result


def family_of(folder: Path) -> dict[int, str]:
    """Processes that have this runtime folder, by pid, and their command lines."""
    mine, found = f"XDG_RUNTIME_DIR={folder}".encode(), {}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
            if mine in environment.split(b"\0"):
                found[process.pid] = " ".join(process.cmdline())
    return found


class Sink:
    """Reads all of a descriptor as it comes."""

    def __init__(self, fd: int) -> None:
        self.data = b""
        self._fd = fd
        self._plain, self._at = "", 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # a terminal's end of file, or closed by us
            while data := os.read(self._fd, 65536):
                self.data += data

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")

    @property
    def plain(self) -> str:
        """Without the escape sequences; what was looked at before is not looked at again."""
        data = self.data
        end = data.rfind(b"\x1b", max(self._at, len(data) - LONGEST_ESCAPE))
        end = len(data) if end < 0 else end  # the last one may not be whole
        if end > self._at:
            self._plain += ESCAPES.sub("", self._decode(data[self._at : end]))
            self._at = end
        return self._plain + ESCAPES.sub("", data[end:].decode(errors="replace"))


class Command:
    """`threadscope ...` in a private runtime folder, by which its processes are known.

    Args:
        folder: the runtime folder.
        arguments: of the command.
        terminal: rows and columns of its terminal; None: pipes.
        env: on top of our own environment; None takes a variable away.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        terminal: tuple[int, int] | None = None,
        env: dict[str, str | None] | None = None,
    ) -> None:
        self.folder = folder
        wanted = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "TERM": "xterm-256color"}
        sizes = {"COLUMNS": None, "LINES": None}  # the terminal's own size counts
        wanted = {k: v for k, v in {**wanted, **sizes, **(env or {})}.items() if v is not None}
        command = [sys.executable, "-c", SHELL, *arguments]
        if terminal:
            self.master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", *terminal, 0, 0))
            self.modes = termios.tcgetattr(self.master)
            self.process = subprocess.Popen(
                command, stdin=slave, stdout=slave, stderr=slave, env=wanted, start_new_session=True
            )
            os.close(slave)
            self.out = self.err = Sink(self.master)
        else:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=wanted,
                start_new_session=True,
            )  # fmt: skip
            self.out = Sink(self.process.stdout.fileno())
            self.err = Sink(self.process.stderr.fileno())

    def wait_for(self, text: str, count: int = 1) -> None:
        """Until it printed a text so many times."""
        end = time.monotonic() + LIMIT_S
        while self.out.plain.count(text) < count:
            if self._ended() or time.monotonic() > end:
                raise AssertionError(f"no {text!r} in {self.out.plain[-4000:]}{self.err.plain}")
            time.sleep(0.02)

    def _ended(self) -> bool:
        return self.process.poll() is not None and not self.out.thread.is_alive()

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def press_until_it_ends(self, key: str) -> bool:
        """Once more, as long as the screen is there; whether it has ended."""
        if "\x1b[?1049l" not in self.out.text:
            self.press(key)
        return self.process.poll() is not None

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def status(self, limit: float = LIMIT_S) -> int:
        """Its exit status; negative: the signal that killed it."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {limit} s: {self.out.plain[-2000:]}") from None
        self.out.thread.join(GONE_S)
        self.err.thread.join(GONE_S)
        return status

    # -- what it started -----------------------------------------------------------------------
    def family(self) -> dict[int, str]:
        """Processes of this run, by pid, and their command lines."""
        return family_of(self.folder)

    def pid_of(self, word: str) -> int:
        """The one process of this run that has the word in its command line, and is no guard."""

        def look() -> list[int]:
            family = self.family().items()
            return [pid for pid, line in family if word in line and "guard.py" not in line]

        [pid] = eventually(look, what=f"a process with {word}")
        return pid

    @property
    def rings(self) -> list[Path]:
        return list(self.folder.glob("threadscope/*"))

    def _server_rings(self) -> list[Batch]:
        folders = self.rings
        rings = RingSet(folders[0]) if folders else None
        if rings is None:
            return []
        try:
            return [batch for batch, is_load in rings.read(time.monotonic_ns()) if not is_load]
        finally:
            rings.close()

    def served(self) -> int:
        """Requests that ended, by the server's own count."""
        return sum(cell.ended for batch in self._server_rings() for cell in batch.cells)

    def started(self) -> int:
        """Requests that the event loop runs this moment."""
        cells = [cell for batch in self._server_rings() for cell in batch.cells]
        return sum(bool(cell.now_request) for cell in cells)

    def assert_nothing_left(self) -> None:
        eventually(lambda: not self.family(), GONE_S, f"{self.family()} are left")
        eventually(lambda: not self.rings, GONE_S, f"{self.rings} are left")

    # -- the terminal --------------------------------------------------------------------------
    def assert_terminal_usable(self) -> None:
        """The normal screen, a cursor, no mouse reports, and the modes of the beginning."""
        for on, off in (("?1049h", "?1049l"), ("?25l", "?25h"), ("?1000h", "?1000l")):
            assert self.out.text.rfind(f"\x1b[{on}") < self.out.text.rfind(f"\x1b[{off}")
        assert termios.tcgetattr(self.master) == self.modes

    def end(self) -> None:
        """Whatever happened, nothing of it stays."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.family():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        if self.out is self.err:
            with contextlib.suppress(OSError):  # a test closed it
                os.close(self.master)

    @property
    def document(self) -> dict:
        """Standard output, which must be JSON and nothing else."""
        return json.loads(self.out.text)

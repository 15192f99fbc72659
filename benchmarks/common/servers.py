"""Processes that benchmarks watch: their clocks and memory, hello servers, programs in a pty."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from common.results import Broken
from threadscope.sampling.proc import process_clock
from threadscope.targets.ports import free_port, wait_ready
from threadscope.targets.process import ServerProcess

HERE = Path(__file__).parent
COLUMNS, LINES = 120, 36
READY_S, END_S = 20.0, 10.0


def scripts_path() -> dict[str, str]:
    """What `python -m common.X` needs in its environment."""
    paths = (str(HERE.parent), os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": ":".join(filter(None, paths))}


def cpu_ns(pid: int) -> int:
    """The CPU time of a process so far, threads that ended included.

    Raises:
        OSError: it is gone.
    """
    return time.clock_gettime_ns(process_clock(pid))


def cpu_percent(pid: int, seconds: float) -> float:
    """Of one core, over the next seconds.

    Raises:
        OSError: it is gone.
    """
    used, begin = cpu_ns(pid), time.monotonic_ns()
    time.sleep(seconds)
    return 100 * (cpu_ns(pid) - used) / (time.monotonic_ns() - begin)


def memory_mb(pid: int) -> tuple[float, float]:
    """RSS, and PSS: shared pages counted by halves; MB of 10^6 bytes."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss"):
                found[name] = int(rest.split()[0]) * 1024 / 1e6
    return found["Rss"], found["Pss"]


def find(root: int, what: str) -> int:
    """The process below another one with a word in its command line.

    Raises:
        Broken: there is none.
    """
    for process in psutil.Process(root).children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        # the guard has the server's command in its own arguments: it is not the one
        if what in words and not any(Path(word).name == "guard.py" for word in words):
            return process.pid
    raise Broken(f"the monitor has no {what} process")


@contextmanager
def hello_server(env: Mapping[str, str], app: str = "hello:app") -> Iterator[tuple[int, int]]:
    """A uvicorn with an app of this folder, no access log; its PID and port."""
    port = free_port()
    where = ["--app-dir", str(HERE), app, "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-P", "-m", "uvicorn", *where, "--no-access-log"]
    with ServerProcess(command, env) as process:
        wait_ready("127.0.0.1", port, process, READY_S)
        yield process.pid, port


class Terminal:
    """A program on a terminal of its own; what it prints is read and dropped, but the last of it.

    Args:
        command: program and arguments.
        env: on top of our own environment.
        until: `shown` is set when it printed this.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, until: str = ""
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._tail, self._until = b"", until.encode()
        self.shown = threading.Event()
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65_536)
            except OSError:  # the other end is closed
                return
            if not data:
                return
            seen = self._tail + data
            self._tail = seen[-4096:]
            if self._until and not self.shown.is_set() and self._until in seen:
                self.shown.set()

    @property
    def ended(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def resize(self, columns: int, lines: int) -> None:
        """Another size, as when somebody pulls at the window."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def last_words(self) -> str:
        """Its error message, or the last line that it printed, as far as it is readable."""
        text = "".join(c if c.isprintable() else "\n" for c in self._tail.decode("utf-8", "ignore"))
        lines = [line.strip() for line in text.split("\n") if len(line) > 10] or ["no word"]
        return next((line for line in lines if line.startswith("Error")), lines[-1])

    def quit(self, key: str = "q", patience: float = END_S) -> int:
        """Presses the key that ends it; its exit status. Kills it when it does not end in time."""
        if self._process.poll() is None:
            try:
                os.write(self._ours, key.encode())
            except OSError:
                pass
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._reader.join(1)
            os.close(self._ours)

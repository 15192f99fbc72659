"""The parent's end of the load process: starts it, steers it, ends it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from threadscope.load.messages import (
    Begin,
    Command,
    Died,
    Event,
    SetClients,
    SetOn,
    SetRate,
    Stop,
    event_from,
    to_line,
)
from threadscope.load.plan import LoadPlan
from threadscope.model.text import clean

ERROR_LINES = 50
ERROR_WIDTH = 500
END_WITHIN_S = 1.0
"""How long the process may take to end after each hint: EOF, SIGTERM, SIGKILL."""


class LoadProcess:
    """A load in a process of its own. Usable from any thread.

    Commands to a process that is gone are ignored: `Died` was or will be delivered.

    Args:
        folder: where the process makes its ring file; None: it makes none.
        on_event: takes the events. **Called from a thread of this object**, one event at a time;
            it must not raise and should return soon.
    """

    def __init__(self, folder: Path | None, on_event: Callable[[Event], None]) -> None:
        self._folder = folder
        self._on_event = on_event
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: deque[str] = deque(maxlen=ERROR_LINES)
        self._lock = threading.Lock()
        self._closing = False
        self._threads: tuple[threading.Thread, ...] = ()

    @property
    def pid(self) -> int | None:
        """Process id; None before `start`."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def errors(self) -> tuple[str, ...]:
        """The last lines that the process wrote to its standard error."""
        return tuple(self._lines)

    def start(self) -> None:
        """Starts the process; `Ready` comes when it takes commands (earlier ones are kept).

        Raises:
            RuntimeError: it was started before.
            OSError: no process could be started.
        """
        if self._process:
            raise RuntimeError("a LoadProcess starts once; make another one")
        folder = [] if self._folder is None else [str(self._folder)]
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "threadscope.load.generator", *folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONSAFEPATH": "1"},  # the user's folder may have a queue.py
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
        errors = self._thread("load errors", self._read_errors, process)
        events = self._thread("load events", self._read_events, process, errors)
        self._threads = (errors, events)

    def begin(self, plan: LoadPlan) -> None:
        """Begins a phase; one that runs is stopped first. Each has one `Result`, in this order."""
        self._send(Begin(plan))

    def set_clients(self, clients: int) -> None:
        """Changes the number of clients of the phase.

        Raises:
            ValueError: a load cannot have so many or so few.
        """
        self._send(SetClients(clients))

    def set_rate(self, rate: float) -> None:
        """Changes the rate of the phase, where it has one.

        Args:
            rate: requests per second.

        Raises:
            ValueError: a load cannot have that.
        """
        self._send(SetRate(rate))

    def set_on(self, on: bool) -> None:
        """Lets the clients ask, or not, without ending the phase."""
        self._send(SetOn(on))

    def stop(self, within_s: float | None = None) -> None:
        """Ends the measurement: the phase drains and its `Result` comes.

        Args:
            within_s: the longest drain; None: the time-out of a request.
        """
        self._send(Stop(within_s))

    def close(self) -> None:
        """Ends the process: closes its input, then SIGTERM, then SIGKILL. Again: nothing."""
        process = self._process
        if not process:
            return
        with self._lock:
            self._closing = True
            assert process.stdin  # a pipe
            process.stdin.close()
        for hint in (process.terminate, process.kill, lambda: None):
            try:
                process.wait(END_WITHIN_S)
                break
            except subprocess.TimeoutExpired:
                hint()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(END_WITHIN_S)

    def _send(self, command: Command) -> None:
        with self._lock:
            if not self._process or self._closing:
                return
            assert self._process.stdin  # a pipe
            try:
                self._process.stdin.write(to_line(command))
            except BrokenPipeError:
                pass  # it died: the reader finds that out and says so

    def _thread(self, name: str, run: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=run, args=arguments, name=name, daemon=True)
        thread.start()
        return thread

    def _read_errors(self, process: subprocess.Popen[bytes]) -> None:
        with _lines_of(process.stderr) as pipe:
            while line := pipe.readline(ERROR_WIDTH):  # a longer one comes in pieces
                self._lines.append(clean(line.decode("utf-8", "replace")))

    def _read_events(self, process: subprocess.Popen[bytes], errors: threading.Thread) -> None:
        with _lines_of(process.stdout) as pipe:
            for line in pipe:
                try:
                    event = event_from(line)
                except ValueError as error:
                    self._lines.append(str(error))
                else:
                    self._on_event(event)
        status = process.wait()
        errors.join(END_WITHIN_S)  # its last words
        if not self._closing:
            self._on_event(Died(status, self.errors))


def _lines_of(pipe: IO[bytes] | None) -> io.BufferedReader:
    """Popen's unbuffered pipe, which by itself would be read byte by byte."""
    return io.BufferedReader(cast(io.FileIO, pipe))

"""A server process that ends with its monitor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from threadscope.model.text import clean

from . import guard
from .errors import TargetError
from .output import OutputBuffer

_START_S = 10.0
_STOP_S = 2 * guard.GRACE_S + 1.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: with a status, by a signal, or unseen."""

    status: int | None = None
    signal: int | None = None
    words: str = "ended when its guard was killed"
    """What is said when neither is known."""

    @classmethod
    def with_code(cls, code: int) -> Ended:
        """As `subprocess` has it: a status, or a signal's number below 0."""
        return cls(status=code) if code >= 0 else cls(signal=-code)

    def said_of(self, what: str) -> str:
        """`the server was killed by SIGKILL`."""
        return f"{what} {'was ' if self.signal is not None else ''}{self.sentence}"

    @property
    def sentence(self) -> str:
        """`exited with status 1`, `killed by SIGKILL`."""
        if self.status is not None:
            return f"exited with status {self.status}"
        if self.signal is None:
            return self.words
        try:
            name = signal.Signals(self.signal).name
        except ValueError:
            name = f"signal {self.signal}"
        return f"killed by {name}"


class ServerProcess:
    """A command, run under a guard (see `guard`) in a session of its own.

    Args:
        command: program and arguments; found on the PATH of `env`.
        env: its whole environment.
        folder: a folder that is removed when it has ended; None: none.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], folder: Path | None = None
    ) -> None:
        self.command = tuple(command)
        self.env = dict(env)
        self.folder = folder
        self.output = OutputBuffer()
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._failure = ""
        self._ended: Ended | None = None
        self._started = threading.Event()
        self._over = threading.Event()

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The command's own process.

        Raises:
            RuntimeError: it was not started.
        """
        if self._pid is None:
            raise RuntimeError("the process was not started")
        return self._pid

    def start(self) -> None:
        """Starts the command.

        Raises:
            TargetError: there is no such program, or it may not be run.
        """
        remove = ["--remove", str(self.folder)] if self.folder else []
        # -I -S: the probe and the user's environment are for the command, not for the guard
        arguments = [sys.executable, "-I", "-S", guard.__file__, *remove, "--", *self.command]
        pipe = subprocess.PIPE
        self._guard = subprocess.Popen(
            arguments, env=self.env, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        assert self._guard.stderr
        self.output.read_from(os.dup(self._guard.stderr.fileno()))
        self._guard.stderr.close()
        threading.Thread(
            target=self._follow, args=(self._guard,), name="server guard", daemon=True
        ).start()
        self._started.wait(_START_S)
        if self._pid is None:
            self.stop()
            why = self._failure or "; ".join(self.output.lines(3)) or "its guard does not answer"
            raise TargetError(
                f"cannot start {clean(self.command[0])}: {why}: check its name,"
                " or activate its virtual environment"
            )

    def poll(self) -> Ended | None:
        """How it ended; None while it runs. Never waits."""
        return self._ended

    def stop(self) -> None:
        """Ends the command and all of its process group; returns within some 5 s.

        SIGTERM first, SIGKILL to what is left 2 s later. Doing it twice does no harm.
        """
        if self._guard is None:
            return
        assert self._guard.stdin
        self._guard.stdin.close()  # the guard takes it for our end
        if not self._over.wait(_STOP_S):
            self._guard.kill()
            self._over.wait(_STOP_S)
        self.output.join(1.0)

    def _follow(self, running: subprocess.Popen[bytes]) -> None:
        """Takes down what the guard says, to its end."""
        assert running.stdout
        with running.stdout as facts:
            for line in facts:
                self._hear(line.decode(errors="replace").rstrip("\n"))
        running.wait()
        if self._pid is not None and self._ended is None:
            self._end_group(self._pid)
            self._ended = Ended()
        self._over.set()
        self._started.set()

    def _hear(self, fact: str) -> None:
        kind, _, rest = fact.partition(" ")
        if kind == "pid":
            self._pid = int(rest)
            self._started.set()
        elif kind == "exit":
            self._ended = Ended(status=int(rest))
        elif kind == "signal":
            self._ended = Ended(signal=int(rest))
        elif kind == "fail":
            self._failure = clean(rest)

    def _end_group(self, group: int) -> None:
        """Does the guard's work after the guard was killed."""
        try:
            os.killpg(group, signal.SIGTERM)
            end = time.monotonic() + guard.GRACE_S
            while time.monotonic() < end:
                time.sleep(0.02)
                os.killpg(group, 0)
            os.killpg(group, signal.SIGKILL)
        except OSError:  # nobody is left
            pass

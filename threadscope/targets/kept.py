"""A command that goes on when its monitor leaves: `run --keep`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from threadscope.model.text import clean

from .errors import TargetError
from .output import OutputBuffer
from .process import Ended

_CHUNK = 64 * 1024


class KeptProcess:
    """A command in a session of its own, whose output goes to a file: nothing of it needs us.

    Args:
        command: program and arguments; found on the PATH of `env`.
        env: its whole environment.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.command, self.env = tuple(command), dict(env)
        self.output = OutputBuffer()
        self.log = Path()
        """Its output."""
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    @property
    def pid(self) -> int:
        """The command's own process.

        Raises:
            RuntimeError: it was not started.
        """
        if self._process is None:
            raise RuntimeError("the process was not started")
        return self._process.pid

    def start(self) -> None:
        """Starts the command.

        Raises:
            TargetError: there is no such program, or it may not be run.
        """
        descriptor, name = tempfile.mkstemp(prefix="threadscope-", suffix=".log")
        self.log = Path(name)
        try:
            self._process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=descriptor,
                stderr=descriptor, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self.log.unlink()
            raise TargetError(
                f"cannot start {clean(self.command[0])}: {error.strerror}: check its name,"
                " or activate its virtual environment"
            ) from None
        finally:
            os.close(descriptor)

    def poll(self) -> Ended | None:
        """How it ended; None while it runs. Never waits."""
        status = self._process.poll() if self._process is not None else None
        if status is None:
            return None
        return Ended.with_code(status)

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def read_output(self) -> None:
        """Takes over what it has printed since the last time, the last of it if that is much."""
        try:
            with self.log.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(self._read, size - _CHUNK))
                self.output.feed(file.read(_CHUNK))
                self._read = size
        except OSError:  # somebody has removed it
            pass

    def stop(self) -> None:
        """Leaves it alone; a log of one that has ended by itself is removed."""
        if self.poll() is not None:
            self.read_output()
            self.log.unlink(missing_ok=True)

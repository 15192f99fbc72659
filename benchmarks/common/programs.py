"""Servers that are watched, as targets: programs of this folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from threadscope.model.snapshot import TargetInfo
from threadscope.targets.ports import free_port, wait_ready
from threadscope.targets.process import Ended, ServerProcess
from threadscope.targets.target import Target
from threadscope.targets.tree import family

HERE = Path(__file__).parent
READY_S = 30.0


class Program(Target):
    """A `Target`: a program of this folder, and all that it starts.

    Args:
        title: what it is called on the screen.
        arguments: of our own Python.
        serves: it listens on the port that is appended to them.
    """

    def __init__(self, title: str, arguments: Sequence[str], *, serves: bool) -> None:
        self._title, self._arguments, self._serves = title, arguments, serves

    def start(self, folder: Path, environment: Mapping[str, str]) -> TargetInfo:
        """Starts it; a server is waited for."""
        command = [sys.executable, "-P", *self._arguments]
        port = free_port() if self._serves else 0
        if port:
            command += ["--port", str(port)]
        paths = [environment.get("PYTHONPATH", ""), str(HERE.parent.parent)]
        env = {**environment, "PYTHONPATH": ":".join(filter(None, paths))}
        self._process = ServerProcess(command, env, folder)
        self._process.start()
        url = f"http://127.0.0.1:{port}" if port else ""
        if port:
            wait_ready("127.0.0.1", port, self._process, READY_S)
        return TargetInfo(self._title, url, (self._process.pid,), " ".join(command))

    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return family(self._process.pid)

    def poll(self) -> Ended | None:
        """How it ended."""
        return self._process.poll()

    def output(self, count: int) -> tuple[str, ...]:
        """The last lines that it printed."""
        return self._process.output.lines(count)

    def stop(self) -> None:
        """Ends it."""
        self._process.stop()


def uvicorn(app: str) -> Program:
    """Uvicorn with an app of this folder, no access log."""
    where = ["--app-dir", str(HERE), app, "--host", "127.0.0.1", "--no-access-log"]
    return Program(app, ["-m", "uvicorn", *where], serves=True)

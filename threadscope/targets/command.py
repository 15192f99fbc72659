"""A server that any command starts: ours to watch, and to end unless it is to be kept."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from threadscope.model.snapshot import TargetInfo
from threadscope.model.text import clean
from threadscope.rings.folder import no_room

from .errors import TargetError
from .kept import KeptProcess
from .ports import last_lines
from .process import Ended, ServerProcess
from .reach import why_no_probe
from .sockets import Listener, base_url, listeners, waiting
from .target import Target
from .tree import family

LOOK_S = 0.05
LISTEN_S = 10.0
"""So long its first picture waits for a port; without one it comes all the same."""
PROBE_S = 8.0
"""A probe has left a sign so long after its server listens."""
ASK_S = 60.0
"""And so long a load waits: a large application takes its time."""


class CommandTarget(Target):
    """A command and all that it starts.

    Args:
        command: program and arguments.
        asked: whether a load is going to ask it, so that it must listen first.
        keep: leave it running when we leave.
    """

    def __init__(self, command: Sequence[str], *, asked: bool = False, keep: bool = False) -> None:
        self.command = tuple(command)
        self._asked, self._keep = asked, keep
        self._process: ServerProcess | KeptProcess | None = None
        self._folder = Path()
        self._listeners: list[Listener] = []
        self._listening_since: float | None = None

    def start(self, folder: Path, environment: Mapping[str, str]) -> TargetInfo:
        """Starts it and waits until it listens.

        Raises:
            TargetError: there is no such command, it ends at once, or it must listen and does not.
        """
        self._folder = folder
        # as in a terminal: what it prints is there at once
        env = {"PYTHONUNBUFFERED": "1", **environment}
        if self._keep:
            self._process = KeptProcess(self.command, env)
        else:
            self._process = ServerProcess(self.command, env, folder)
        self._process.start()
        self._wait()
        line = clean(shlex.join(self.command))
        return TargetInfo(title=line, url=self.url(), pids=self.pids(), command=line)

    def _wait(self) -> None:
        end = time.monotonic() + (ASK_S if self._asked else LISTEN_S)
        while (ended := self.poll()) is None:
            self._listeners = listeners(self.pids())
            if self.url() or (self._listeners and not self._asked):
                return
            if time.monotonic() > end:
                break
            time.sleep(LOOK_S)
        name = clean(self.command[0])
        if ended is not None:
            self.stop()  # so that all its output is there
            raise TargetError(
                f"{name} {ended.sentence} before it listened on a port{self._last_lines()}"
            )
        if self._asked:
            raise TargetError(
                f"{name} listens on no port after {ASK_S:g} s: give a whole URL with --url"
                f"{self._last_lines()}"
            )

    def _last_lines(self) -> str:
        return last_lines(self.output(8))

    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return family(self._process.pid) if self._process is not None else ()

    def poll(self) -> Ended | None:
        """How it ended."""
        return self._process.poll() if self._process is not None else None

    def output(self, count: int) -> tuple[str, ...]:
        """The last lines that it printed."""
        if self._process is None:
            return ()
        if isinstance(self._process, KeptProcess):
            self._process.read_output()
        return self._process.output.lines(count)

    def stop(self) -> None:
        """Ends it, unless it is to be kept."""
        if self._process is not None:
            self._process.stop()

    def url(self) -> str:
        """Where it listens; looked up until it is known."""
        if not base_url(self._listeners):
            self._listeners = listeners(self.pids())
        return base_url(self._listeners)

    def outlives(self) -> bool:
        """A kept one does, if it has not ended by itself."""
        return isinstance(self._process, KeptProcess) and self._process.runs

    def unseen(self) -> str:
        """Why the probe did not come in: when it could not, or had time to since it listens."""
        if not self._listeners:
            return ""
        self._listening_since = self._listening_since or time.monotonic()
        late = time.monotonic() - self._listening_since > PROBE_S
        return no_room(self._folder) or (why_no_probe(self.pids()) if late else "")

    def waiting(self) -> int | None:
        """By its sockets."""
        ports = [one.port for one in self._listeners if one.port]
        pids = self.pids()
        return waiting(pids[0], ports) if ports and pids else None

    @property
    def left_behind(self) -> str:
        """What to know of a command that goes on; "" when it does not."""
        if not self.outlives() or not isinstance(self._process, KeptProcess):
            return ""
        pid = self._process.pid
        return (
            f"{clean(self.command[0])} goes on as process {pid} and prints to {self._process.log}."
            f"\nWatch it again: threadscope attach {pid}. End it: kill {pid}"
        )

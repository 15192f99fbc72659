"""What scale.py watches: servers of great numbers, and how each is asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from threadscope.load.plan import LoadPlan
from threadscope.model.snapshot import Snapshot, TargetInfo, Variant
from threadscope.phases import Way
from threadscope.targets.ports import free_port, wait_ready
from threadscope.targets.process import Ended, ServerProcess
from threadscope.targets.target import Target
from threadscope.targets.tree import family

HERE = Path(__file__).parent
READY_S = 30.0


class Program(Target):
    """A `Target`: a program of this folder, and all that it starts.

    Args:
        arguments: of our own Python.
        serves: it listens on the port that is appended to them.
    """

    def __init__(self, arguments: Sequence[str], *, serves: bool) -> None:
        self._arguments, self._serves = arguments, serves

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
        return TargetInfo("scale", url, (self._process.pid,), " ".join(command))

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
    return Program(["-m", "uvicorn", *where], serves=True)


def writers(processes: int, count: int, per_second: float) -> Program:
    """Processes that write rings as servers do."""
    words = (processes, count, per_second)
    return Program([str(HERE / "scale_writers.py"), *map(str, words)], serves=False)


class Case(NamedTuple):
    """One great number."""

    title: str
    target: Callable[[], Program]
    clients: int
    """0: nobody of ours asks."""
    paths: Callable[[], Sequence[str]]
    seen: Callable[[Snapshot], int]
    """How much of the great number a picture shows."""
    least: int
    """So much must have been seen, or the case was not what it says."""
    what: str
    """Of which so many are seen."""

    def ways(self) -> list[Way]:
        """How it is asked; none where nobody of ours asks."""
        paths = self.paths()
        if not paths:
            return []

        def plans(url: str) -> list[LoadPlan]:
            first, *rest = [url + path for path in paths]
            return [LoadPlan(url=first, route=paths[0], further_urls=tuple(rest), timeout_s=60.0)]

        return [Way(Variant("scale", self.title), plans)]


def _known_routes(snapshot: Snapshot) -> int:
    return sum(bool(route.endpoint.name) for route in snapshot.routes)


CASES = {
    "threads": Case(
        "1,000 threads, a request on each", lambda: uvicorn("scale_apps:threads"), 1_000,
        lambda: ["/hop"], lambda x: len(x.threads), 1_000, "threads",
    ),
    "processes": Case(
        "64 processes, 40 req/s each", lambda: writers(64, 8, 40.0), 0,
        lambda: [], lambda x: len(x.processes), 64, "processes",
    ),
    "connections": Case(
        "200 connections, as fast as it goes", lambda: uvicorn("hello:app"), 200,
        lambda: ["/async"], lambda x: x.in_flight or 0, 150, "in flight",
    ),
    "routes": Case(
        "1,000 routes with ids in their paths", lambda: uvicorn("scale_apps:routes"), 64,
        lambda: [f"/r{n}/items/{{client}}" for n in range(1_000)], _known_routes, 900, "routes",
    ),
    "in-flight": Case(
        "10,000 in flight in one process", lambda: uvicorn("scale_apps:waits"), 10_000,
        lambda: ["/wait"], lambda x: x.in_flight or 0, 10_000, "in flight",
    ),
    "open": Case(
        "10,000 open in 4 processes", lambda: writers(4, 2_500, 200.0), 0,
        lambda: [], lambda x: x.open or 0, 10_000, "open",
    ),
}  # fmt: skip
"""By their name on the command line."""

"""The demo servers: how one is started."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from threadscope.model.snapshot import TargetInfo

from .demo_list import DEMOS as DEMOS
from .demo_list import Demo as Demo
from .demo_list import DemoVariant as DemoVariant
from .demo_list import demo_folder
from .ports import check_port, free_port, wait_ready
from .process import Ended, ServerProcess
from .target import Target
from .tree import family

HOST = "127.0.0.1"
_READY_S = 30.0
_LOOK_S = 0.02
_UP = "Application startup complete."
_WORK = re.compile(r"a request is ([\d,]+) additions(?:, about (\d+) ms)?")
"""What a demo prints when it starts."""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A demo that runs and takes connections."""

    demo: Demo
    process: ServerProcess
    port: int
    work: int | None = None
    """Additions a request; None where the demo does not say."""
    work_ms: int | None = None
    """What they take of CPU, if the demo found out how many to do."""

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def stop(self) -> None:
        """Ends it, see `ServerProcess.stop`."""
        self.process.stop()


class DemoTarget(Target):
    """A demo's server, ours to start and to end.

    Args:
        demo: which.
        port: of the loopback interface; None: a free one.
        work: a request's, in the demo's unit; None: the app's default.
        workers: processes that serve; None: as the demo has it.
    """

    def __init__(
        self,
        demo: Demo,
        port: int | None = None,
        work: int | None = None,
        workers: int | None = None,
    ) -> None:
        self._demo, self._port, self._work = demo, port, work
        self._workers = workers or demo.workers or cores()
        self._server: DemoServer | None = None

    def start(self, folder: Path, environment: Mapping[str, str]) -> TargetInfo:
        """Starts it and waits until it listens; see `start_demo`."""
        server = self._server = start_demo(
            self._demo, port=self._port, work=self._work, workers=self._workers,
            env_extra=environment, folder=folder,
        )  # fmt: skip
        return TargetInfo(
            title=f"demo {self._demo.name}",
            url=server.url,
            pids=(server.process.pid,),
            command=" ".join(server.process.command),
            workers=self._workers,
            work=server.work,
            work_ms=server.work_ms,
        )

    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return family(self._server.process.pid) if self._server is not None else ()

    def poll(self) -> Ended | None:
        """How it ended."""
        return self._server.process.poll() if self._server is not None else None

    def output(self, count: int) -> tuple[str, ...]:
        """The last lines that it printed."""
        return self._server.process.output.lines(count) if self._server is not None else ()

    def stop(self) -> None:
        """Ends it."""
        if self._server is not None:
            self._server.stop()


def start_demo(
    demo: Demo,
    *,
    port: int | None = None,
    work: int | None = None,
    workers: int = 1,
    env_extra: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> DemoServer:
    """Starts a demo's server and waits until it listens.

    Args:
        demo: which.
        port: of the loopback interface; None: a free one.
        work: a request's, in the demo's unit; None: the app's default.
        workers: processes that serve.
        env_extra: variables on top of our own environment, the probe's among them.
        folder: removed when the server has ended.

    Raises:
        TargetError: the port is taken, or the server does not come up.
    """
    if port is None:
        port = free_port()
    else:
        check_port(port)
    env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env_extra or {})}
    if work is not None:
        env["THREADSCOPE_WORK"] = str(work)
    process = ServerProcess(_command(demo, port, workers), env, folder)
    try:
        process.start()
        wait_ready(HOST, port, process, _READY_S)
        _wait_for_workers(process, workers)
    except BaseException:
        process.stop()
        raise
    return DemoServer(demo, process, port, *_work(process.output.lines(100)))


def _work(said: Sequence[str]) -> tuple[int | None, int | None]:
    for line in said:
        if found := _WORK.match(line):
            return int(found[1].replace(",", "")), int(found[2]) if found[2] else None
    return None, None


def cores() -> int:
    """How many of them we may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _command(demo: Demo, port: int, workers: int) -> list[str]:
    # -P: a fastapi.py in the user's folder is not for this server
    where = ["--app-dir", str(demo_folder()), demo.app, "--host", HOST, "--port", str(port)]
    more = ["--workers", str(workers)] if workers > 1 else []
    more += [] if demo.access_log else ["--no-access-log"]
    return [sys.executable, "-P", "-m", "uvicorn", *where, *more]


def _wait_for_workers(process: ServerProcess, workers: int) -> None:
    """Clients keep their connections: all would stay with the worker that is up first."""
    end = time.monotonic() + _READY_S
    while workers > 1 and process.poll() is None and time.monotonic() < end:
        lines = process.output.lines(20 * workers)
        if sum(line.endswith(_UP) for line in lines) >= workers:
            return
        time.sleep(_LOOK_S)

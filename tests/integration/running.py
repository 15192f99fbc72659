"""A server that runs by itself, and clients that ask it: what `attach` comes to."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.integration.command import LIMIT_S, eventually
from threadscope.targets.ports import free_port

SERVED = Path(__file__).parent / "served"


class Running:
    """`PYTHON [-m threadscope.probe --] -m uvicorn APP`, in a process group of its own.

    Args:
        folder: its runtime folder, where rings may be; its output goes there too.
        app: as uvicorn takes it.
        python: the interpreter, and its options.
        before: words between the interpreter and `-m uvicorn`.
        more: further options of uvicorn.
        env: on top of our own environment.
        port: None: some free one.
    """

    def __init__(
        self,
        folder: Path,
        app: str = "plain:app",
        *,
        python: Sequence[str] = (sys.executable,),
        before: Sequence[str] = (),
        more: Sequence[str] = (),
        env: dict[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.count = folder / "count"
        self.log = folder / "server.log"
        words = ["-m", "uvicorn", app, "--port", str(self.port), "--no-access-log", *more]
        python = [*python, *before, *(python if before else ())]
        wanted = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "PYTHONPATH": str(SERVED),
            "COUNT_FILE": str(self.count),
            **(env or {}),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*python, *words], env=wanted, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        eventually(self._listens, what="the server listens")

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def counted(self) -> int:
        """Requests, by the app's own count."""
        return self.count.stat().st_size if self.count.exists() else 0

    def threads(self) -> set[int]:
        """Its threads now."""
        return {int(tid) for tid in os.listdir(f"/proc/{self.pid}/task")}

    def end(self) -> None:
        """Whatever happened, nothing of it stays."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(OSError):
                os.killpg(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)


class Clients:
    """Ask again and again, each on a connection that stays open, until they are stopped."""

    def __init__(self, port: int, path: str, count: int = 3) -> None:
        self._port, self._path = port, path
        self._stop = threading.Event()
        self.statuses: list[int] = []
        """Of the answers."""
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=LIMIT_S)
        try:
            while not self._stop.is_set():
                connection.request("GET", self._path)
                response = connection.getresponse()
                response.read()
                self.statuses.append(response.status)
        except (OSError, http.client.HTTPException) as error:
            self.errors.append(repr(error))
        finally:
            connection.close()

    def more(self, count: int = 5) -> None:
        """Waits until so many further answers came."""
        wanted = len(self.statuses) + count
        eventually(lambda: len(self.statuses) >= wanted or self.errors, what="answers")
        assert not self.errors

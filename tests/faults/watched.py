"""`threadscope run` over a server that counts its requests by means of its own."""

from __future__ import annotations

import os
import re
import sys
import urllib.request
from pathlib import Path

import threadscope
from tests.integration.command import Command, eventually
from tests.integration.running import SERVED
from threadscope.targets.ports import free_port

HERE = Path(__file__).parent / "served"
_HOME = str(Path(threadscope.__file__).parent.parent)
SLEEPING = {
    "before": ("-m", "threadscope.probe", "--"),
    "env": {"PYTHONPATH": os.pathsep.join([str(SERVED), _HOME])},
}
"""Options of `Running` for a server with a probe that sleeps until somebody attaches."""


def done(command) -> int:
    """Requests that ended, as its last status line says."""
    found = re.findall(r" done (\d+) ", command.out.text)
    return int(found[-1]) if found else 0


def last_status(command) -> str:
    """Its last whole status line."""
    lines = [x for x in command.out.text.split("\n")[:-1] if x.startswith("-- ")]
    return lines[-1] if lines else ""


def assert_no_negative(command) -> None:
    """No figure of what was measured is below nought."""
    assert not re.search(r" -\d", "".join(x for x in command.out.text if x.startswith("-- ")))


class Watched(Command):
    """`threadscope run OPTIONS -- PYTHON -m SERVER`.

    Args:
        folder: its runtime folder.
        options: of `run`.
        server: what stands behind `-m`; None: uvicorn with `plain:app`.
        before: a shell's words in front of it: `ulimit -n 40`.
        port: where the server listens; None: some free one.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        server: str = "uvicorn plain:app --port {port} --no-access-log",
        before: str = "",
    ) -> None:
        self.port = free_port()
        self._count = folder.parent / f"count-{folder.name}"
        words = f"{sys.executable} -m {server.format(port=self.port)}"
        shell = ["sh", "-c", f"{before}; exec {words}"] if before else words.split()
        path = os.pathsep.join([str(HERE), str(SERVED)])
        env = {"PYTHONPATH": path, "COUNT_FILE": str(self._count)}
        super().__init__(folder, "run", *options, "--", *shell, env=env)

    @property
    def counted(self) -> int:
        """Requests, by the app's own count."""
        return self._count.stat().st_size if self._count.exists() else 0

    def ask(self, path: str = "/def", times: int = 1) -> None:
        """Asks, each time on a connection of its own; each must be answered well."""
        for _ in range(times):
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=20) as answer:
                assert answer.status == 200

    def server(self) -> list[int]:
        """The server's processes, the one that was started first."""
        ours = ("-m threadscope ", "guard.py")
        family = self.family().items()
        return sorted(pid for pid, line in family if not any(word in line for word in ours))

    @property
    def ring(self) -> Path:
        """Of the server's only process."""
        [path] = eventually(lambda: list(self.folder.glob("threadscope/run-*/server-*.ring")))
        return path

    def wait_for_all(self) -> None:
        """Until it says that as many requests ended as the app has counted."""
        eventually(lambda: done(self) == self.counted, what=f"{done(self)} of {self.counted}")

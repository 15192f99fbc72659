"""The whole monitor over uvicorn with the hello app: for monitor_scale.py, on a terminal.

    python watched_hello.py PATH CLIENTS RATE FILE

The screen, the observer and the load are those of `threadscope demo`; PATH is `/async` or `/def`.
RATE is requests a second, 0: each client asks again as soon as it was answered.
When `q` ends it, what was seen of the last minute goes to FILE: `[[t, done, dropped], …]`, t in
monotonic ns.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from threadscope.asking import Options
from threadscope.load.plan import LoadPlan, Model
from threadscope.model.snapshot import TargetInfo, Variant
from threadscope.pauses import ShortPauses
from threadscope.phases import Way
from threadscope.session import Session
from threadscope.targets.ports import free_port, wait_ready
from threadscope.targets.process import Ended, ServerProcess
from threadscope.targets.target import Target
from threadscope.targets.tree import family
from threadscope.tui.app import ThreadscopeApp

READY_S = 20.0


class Hello(Target):
    """uvicorn with the hello app, no access log."""

    def start(self, folder: Path, environment: Mapping[str, str]) -> TargetInfo:
        """Starts it and waits until it listens."""
        port = free_port()
        here = str(Path(__file__).parent)
        where = ["--app-dir", here, "hello:app", "--host", "127.0.0.1", "--port", str(port)]
        command = [sys.executable, "-P", "-m", "uvicorn", *where, "--no-access-log"]
        self._process = ServerProcess(command, environment, folder)
        self._process.start()
        wait_ready("127.0.0.1", port, self._process, READY_S)
        url = f"http://127.0.0.1:{port}"
        return TargetInfo("hello", url, (self._process.pid,), " ".join(command))

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


def main() -> None:
    """Watches until `q`."""
    path, clients, rate, file = sys.argv[1:]

    def plan(url: str) -> LoadPlan:
        if float(rate):
            return LoadPlan(url + path, route=path, model=Model.OPEN, rate=float(rate))
        return LoadPlan(url + path, route=path)

    way = Way(Variant(path, path), lambda url: [plan(url)])
    session = Session(Hello(), [way], Options(clients=int(clients)))
    try:
        session.start()
        session.show_variant(path)
        pauses = ShortPauses()
        app = ThreadscopeApp(session, session, rest=pauses.rest)
        with pauses:  # as in `threadscope.run`
            app.run()
    finally:
        session.close()
    if session.failure is not None:
        raise session.failure
    seen = [(one.at, one.done, one.health.dropped) for one in app.history.all()]
    Path(file).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()

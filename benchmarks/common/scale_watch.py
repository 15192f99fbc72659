"""The whole monitor over one case of scale_cases.py: for scale.py, on a terminal.

    python -m common.scale_watch CASE FILE GOING

The screen, the observer and the load are those of `threadscope demo`. GOING is made as soon as
the case has reached its number. When `q` ends it, FILE gets what it was like, as JSON. Times are
monotonic ns.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from textual.driver import Driver

from common.scale_cases import CASES, Case
from threadscope.asking import Options
from threadscope.model.snapshot import Snapshot
from threadscope.pauses import ShortPauses
from threadscope.session import Session
from threadscope.tui.app import ThreadscopeApp

now = time.monotonic_ns


class Timed(ThreadscopeApp):
    """The screen, with a clock beside it.

    Args:
        session: what it shows.
        case: what is looked for in its pictures.
        going: is made when it was found.
        pauses: of this process.
    """

    def __init__(self, session: Session, case: Case, going: Path, pauses: ShortPauses) -> None:
        self.writes: list[int] = []
        """When the terminal was sent something."""
        super().__init__(session, session, rest=pauses.rest)  # asks for the driver
        self._case, self._going = case, going
        self.ticks: list[tuple[int, int, int, int, int]] = []
        """Each look for a picture: when, whether there was a new one, the picture's own time, the
        CPU time of the process, columns of the screen."""
        self.due: list[int] = []
        """When it was time for one."""
        self.most = 0

    def _look(self) -> None:
        if not self._pulse.missed:
            self.due.append(now())
        super()._look()

    def tick(self) -> bool:
        """As there."""
        begin = now()
        new, shown = super().tick(), self.shown
        at = shown.at if shown is not None else 0
        self.ticks.append((begin, new, at, time.process_time_ns(), self.size.width))
        if new and shown is not None:
            reached, self.most = self.most, max(self.most, self._case.seen(shown))
            if reached < self._case.least <= self.most:
                self._going.touch()
        return new

    def get_driver_class(self) -> type[Driver]:
        """As there, and it notes when it writes."""
        base, writes = super().get_driver_class(), self.writes

        class Noting(base):  # type: ignore[misc, valid-type]  # the base is known at run time
            def write(self, data: str) -> None:
                super().write(data)
                writes.append(now())

        return Noting


def peak_mb() -> float:
    """The most memory that this process ever had, MB of 10^6 bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def facts(shown: Snapshot | None) -> dict[str, int]:
    """What the last picture says of itself."""
    if shown is None:
        return {}
    health = shown.health
    return {"dropped": health.dropped, "holes": health.holes, "errors": health.probe_errors}


def main() -> None:
    """Watches until `q`."""
    name, file, going = sys.argv[1:]
    case = CASES[name]
    session = Session(case.target(), case.ways(), Options(clients=case.clients or 1))
    try:
        session.start()
        if case.paths():
            session.show_variant("scale")
        pauses = ShortPauses()
        app = Timed(session, case, Path(going), pauses)
        with pauses:  # as in `threadscope.run`
            app.run()
    finally:
        session.close()
    if session.failure is not None:
        raise session.failure
    said = {
        "ticks": app.ticks,
        "writes": app.writes,
        "due": app.due,
        "most": app.most,
        "peak_mb": peak_mb(),
    }
    Path(file).write_text(json.dumps({**said, **facts(app.shown)}))


if __name__ == "__main__":
    main()

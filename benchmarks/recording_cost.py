"""What do saving a session and recording the screen add? On the CPU demo, without a terminal.

    python benchmarks/recording_cost.py

The demo runs as `threadscope demo cpu --save --record --size 120x36` runs it, in this process. The
thread's CPU clock is read around each call into the session's writer and the camera: the sum is
what recording adds to an observation. The files are measured, too, as they are and packed.

Exits with 1 when it adds more than 3 % of a core, or a minute takes more than 1 MB.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ |= {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_COLOR_SYSTEM": "truecolor"}

from common.results import Results
from common.table import Budget, parser

from threadscope.asking import Options
from threadscope.demo import demo_session
from threadscope.recording.camera import Camera
from threadscope.recording.encode import Encoder
from threadscope.targets.demos import DEMOS
from threadscope.tui.app import ThreadscopeApp

LIMIT_PERCENT, LIMIT_MB = 3.0, 1.0
SIZE = (120, 36)
CALLS = {
    Encoder: ("batch", "sample", "advance", "snapshot", "call", "target"),
    Camera: ("output", "marker"),
}


class Clock:
    """Sums the CPU of calls, by the class that is called."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(CALLS, 0)

    def watch(self) -> None:
        """Reads the clock around each of the CALLS from now on."""
        for kind, names in CALLS.items():
            for name in names:
                setattr(kind, name, self._timed(kind, getattr(kind, name)))

    def _timed(self, kind: type, function: Any) -> Any:
        def timed(*args: Any, **named: Any) -> Any:
            begin = time.thread_time_ns()
            try:
                return function(*args, **named)
            finally:
                self.spent[kind] += time.thread_time_ns() - begin

        return timed


async def look_on(app: ThreadscopeApp, seconds: float) -> None:
    """Runs the screen for so long."""

    async def wait(_: object) -> None:
        await asyncio.sleep(seconds)
        app.exit()

    await app.run_async(size=SIZE, auto_pilot=wait)


def measure(clock: Clock, seconds: float, folder: Path) -> dict[str, float]:
    """One run: percent of a core, and MB a minute."""
    session_file, cast_file = folder / "x.tscope", folder / "x.cast"
    camera = Camera("recording_cost")
    camera.open(cast_file, *SIZE)
    options = Options(clients=4, seconds=seconds / 2)
    session = demo_session(DEMOS["cpu"], options, saving=Encoder(session_file))
    clock.spent = dict.fromkeys(CALLS, 0)
    try:
        session.start()
        session.tour()
        app = ThreadscopeApp(session, session, camera=camera, terminal=False)
        asyncio.run(look_on(app, seconds))
    finally:
        session.close()
        camera.stop()
    minutes = seconds / 60
    return {
        "saving, % of a core": clock.spent[Encoder] / 1e7 / seconds,
        "recording, % of a core": clock.spent[Camera] / 1e7 / seconds,
        "session, MB a minute": session_file.stat().st_size / 1e6 / minutes,
        "screencast, MB a minute": cast_file.stat().st_size / 1e6 / minutes,
        "packed with gzip": len(gzip.compress(cast_file.read_bytes())) / 1e6 / minutes,
    }


def main() -> int:
    """Measures; the exit status."""
    options = parser(__doc__ or "", 3).parse_args()
    results = Results(options, "threadscope", "textual", "fastapi", "uvicorn")
    clock = Clock()
    clock.watch()
    runs, (rounds, seconds) = [], (1, 6.0) if options.quick else (options.rounds, 30.0)
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measure(clock, seconds, Path(folder)))
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    rows = [[name, f"{value:.2f}"] for name, value in medians.items()]
    results.show(f"{rounds} runs of {seconds:g} s", ("what", "median"), rows)
    both = medians["saving, % of a core"] + medians["recording, % of a core"]
    return results.judge(
        [
            Budget("saving and recording", both, LIMIT_PERCENT, " %"),
            Budget("a session, a minute", medians["session, MB a minute"], LIMIT_MB, " MB"),
            Budget("a screencast, packed", medians["packed with gzip"], LIMIT_MB, " MB"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

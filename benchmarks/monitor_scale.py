"""What does the monitor cost when thousands of requests a second are watched?

    python benchmarks/monitor_scale.py

uvicorn answers `hello` to the monitor's own load of 32 clients, each of which asks again as soon as
it is answered; the monitor shows it on a terminal of 120 x 36. Server, load and monitor share the
machine: on two cores the rate is what is left to them, and the table says which it was. The CPU
clock of the monitor's process is what is measured, screen included; for comparison the server's and
the load's. A rate near 5,000 a second is meant: where there is less to do, the budget is the same.

Exits with 1 when the monitor takes more than 15 % of a core, or loses a record.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from common.results import Results
from common.servers import COLUMNS, LINES, Broken, Terminal, cpu_ns, find, memory_mb
from common.table import Budget, parser

PATHS = ("/async", "/def")
CLIENTS = 32
LIMIT_PERCENT = 15.0
START_S, WARM_S, SLICE_S = 60.0, 3.0, 8.0
LOAD = "threadscope.load.generator"
PROGRAM = Path(__file__).parent / "common" / "watched_hello.py"


class Round(NamedTuple):
    """What one round amounts to. CPU in percent of a core."""

    per_second: float
    monitor: float
    server: float
    load: float
    dropped: int
    rss: float


def running(monitor: Terminal) -> bool:
    """Whether all of its processes are there, or it has ended."""
    try:
        return bool(monitor.ended is not None or find(monitor.pid, LOAD))
    except Broken:
        return False


def measure(path: str, seconds: float) -> Round:
    """One round.

    Raises:
        Broken: the monitor did not run, or did not end well.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "seen.json")
        monitor = Terminal([sys.executable, str(PROGRAM), path, str(CLIENTS), str(file)])
        try:
            end = time.monotonic() + START_S
            while not running(monitor) and time.monotonic() < end:
                time.sleep(0.2)
            time.sleep(WARM_S)
            if monitor.ended is not None:
                raise Broken(f"the monitor ended: {monitor.last_words()}")
            pids = (
                monitor.pid,
                find(monitor.pid, "uvicorn"),
                find(monitor.pid, LOAD),
            )
            begin, used = time.monotonic_ns(), [cpu_ns(pid) for pid in pids]
            time.sleep(seconds)
            end, used_then = time.monotonic_ns(), [cpu_ns(pid) for pid in pids]
            rss, _ = memory_mb(monitor.pid)
        finally:
            status = monitor.quit()
        if status:
            raise Broken(f"the monitor ended with status {status}: {monitor.last_words()}")
        seen = [one for one in json.loads(file.read_text()) if begin <= one[0] <= end]
    if len(seen) < 2:
        raise Broken("the monitor had no picture")
    (t0, done0, _), (t1, done1, dropped) = seen[0], seen[-1]
    shares = [100 * (b - a) / (end - begin) for a, b in zip(used, used_then, strict=True)]
    return Round(1e9 * (done1 - done0) / (t1 - t0), *shares, dropped, rss)


HEAD = ("", "req/s", "monitor %", "least", "most", "server %", "load %", "dropped", "RSS MB")


def row(path: str, rounds: list[Round]) -> list[str]:
    """Medians over the rounds."""
    middle = Round(*(statistics.median(figures) for figures in zip(*rounds, strict=True)))
    shares = [one.monitor for one in rounds]
    return [
        path,
        f"{middle.per_second:,.0f}",
        f"{middle.monitor:.1f}",
        f"{min(shares):.1f}",
        f"{max(shares):.1f}",
        f"{middle.server:.0f}",
        f"{middle.load:.0f}",
        f"{max(one.dropped for one in rounds)}",
        f"{middle.rss:.0f}",
    ]


def budgets(path: str, rounds: list[Round]) -> list[Budget]:
    """What has to hold."""
    rate = statistics.median(one.per_second for one in rounds)
    percent = statistics.median(one.monitor for one in rounds)
    dropped = max(one.dropped for one in rounds)
    return [
        Budget(f"the monitor's CPU, {path} at {rate:,.0f} req/s", percent, LIMIT_PERCENT, " %"),
        Budget(f"records lost, {path}", dropped, 0, " records"),
    ]


def main() -> int:
    """Measures both endpoints in turns; the exit status."""
    options = parser(__doc__ or "", 3).parse_args()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for the CPU clock of another process")
        return 0
    results = Results(options, "threadscope", "textual", "uvloop", "fastapi", "uvicorn")
    count, seconds = (1, 4.0) if options.quick else (options.rounds, SLICE_S)
    rounds: dict[str, list[Round]] = {path: [] for path in PATHS}
    try:
        for _ in range(count):
            for path in PATHS:
                rounds[path].append(measure(path, seconds))
    except (Broken, OSError) as error:
        return results.fail(error)
    title = f"{COLUMNS} x {LINES}, {CLIENTS} clients: {count} rounds of {seconds:g} s in turns"
    results.show(title, HEAD, [row(path, found) for path, found in rounds.items()])
    return results.judge([b for path, found in rounds.items() for b in budgets(path, found)])


if __name__ == "__main__":
    sys.exit(main())

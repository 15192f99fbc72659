"""What does the monitor cost when thousands of requests a second are watched?

    python benchmarks/monitor_scale.py

uvicorn answers `hello` to the monitor's own load of 32 clients, and the monitor shows it on a
terminal of 120 x 36: 5,000 requests a second to an `async def` on schedule; as many as it can take;
and as many as a `def` can take, which are fewer than 5,000. Server, load and monitor share the
machine: on two cores the rate is what is left to them, and the table says which it was. The CPU
clock of the monitor's process is what is measured, screen included; for comparison the server's and
the load's. The budget is for 5,000 a second; it is the same where a server cannot take as many, and
what the monitor takes at more is printed beside it.

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

from common.results import Broken, Results
from common.servers import COLUMNS, LINES, Terminal, cpu_ns, find, memory_mb, scripts_path
from common.table import Budget, parser

CLIENTS = 32
START_S, WARM_S, SLICE_S = 60.0, 3.0, 8.0
LOAD = "threadscope.load.generator"


class Case(NamedTuple):
    """What is asked for."""

    path: str
    rate: int
    """Requests a second, 0: as many as the server can take."""
    limit: float | None
    """Percent of a core; None: it is only printed."""


CASES = (Case("/async", 5000, 15.0), Case("/async", 0, None), Case("/def", 0, 15.0))


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


def measure(case: Case, seconds: float) -> Round:
    """One round.

    Raises:
        Broken: the monitor did not run, or did not end well.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "seen.json")
        asked = [case.path, str(CLIENTS), str(case.rate), str(file)]
        command = [sys.executable, "-m", "common.watched_hello", *asked]
        monitor = Terminal(command, scripts_path())
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
    ours, theirs, load = shares
    return Round(1e9 * (done1 - done0) / (t1 - t0), ours, theirs, load, dropped, rss)


HEAD = (
    "",
    "asked",
    "req/s",
    "monitor %",
    "least",
    "most",
    "server %",
    "load %",
    "dropped",
    "RSS MB",
)


def row(case: Case, rounds: list[Round]) -> list[str]:
    """Medians over the rounds."""
    middle = Round(*(statistics.median(figures) for figures in zip(*rounds, strict=True)))
    shares = [one.monitor for one in rounds]
    return [
        case.path,
        f"{case.rate:,}" if case.rate else "most",
        f"{middle.per_second:,.0f}",
        f"{middle.monitor:.1f}",
        f"{min(shares):.1f}",
        f"{max(shares):.1f}",
        f"{middle.server:.0f}",
        f"{middle.load:.0f}",
        f"{max(one.dropped for one in rounds)}",
        f"{middle.rss:.0f}",
    ]


def budgets(case: Case, rounds: list[Round]) -> list[Budget]:
    """What has to hold."""
    path = case.path if case.rate else f"{case.path}, as many as it takes"
    rate = statistics.median(one.per_second for one in rounds)
    percent = statistics.median(one.monitor for one in rounds)
    dropped = max(one.dropped for one in rounds)
    lost = Budget(f"records lost, {path}", dropped, 0, " records")
    if case.limit is None:
        return [lost]
    cpu = f"the monitor's CPU, {path}: {rate:,.0f} req/s"
    return [Budget(cpu, percent, case.limit, " %"), lost]


def main() -> int:
    """Measures all cases in turns; the exit status."""
    options = parser(__doc__ or "", 3).parse_args()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for the CPU clock of another process")
        return 0
    results = Results(options, "threadscope", "textual", "uvloop", "fastapi", "uvicorn")
    count, seconds = (1, 4.0) if options.quick else (options.rounds, SLICE_S)
    rounds: dict[Case, list[Round]] = {case: [] for case in CASES}
    try:
        for _ in range(count):
            for case in CASES:
                rounds[case].append(measure(case, seconds))
    except (Broken, OSError) as error:
        return results.fail(error)
    title = f"{COLUMNS} x {LINES}, {CLIENTS} clients: {count} rounds of {seconds:g} s in turns"
    results.show(title, HEAD, [row(case, found) for case, found in rounds.items()])
    return results.judge([b for case, found in rounds.items() for b in budgets(case, found)])


if __name__ == "__main__":
    sys.exit(main())

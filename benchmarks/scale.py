"""Does the screen keep its rate, and does memory stay small, when a server is large?

    python benchmarks/scale.py
    python benchmarks/scale.py threads routes --quick

Watches, one after the other: 1,000 threads with a request each; 64 processes; 200 connections as
fast as two cores go; 1,000 routes with ids in their paths; 10,000 requests in flight in one
process, and 10,000 open in four. Servers are uvicorn with FastAPI under the monitor's own load,
but for the 64 and the 4: these are forked processes that write rings with the probe's own writer.
The monitor is a process of its own on a terminal of 120 x 36, which grows to 200 x 50.

An update is late by the time from when it was due, four times a second, to when the terminal was
sent it; one that brings nothing new counts as coming with the next that does.

Exits with 1 when 1 % of the updates of a case are more than 100 ms late, when the monitor ever
takes more than 120 MB, or when a case did not reach its number.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from common.results import Broken, Results
from common.scale_cases import CASES, Case
from common.servers import COLUMNS, LINES, Terminal, scripts_path
from common.table import Budget, parser

PERIOD_NS = 250_000_000
EARLY_NS = 20_000_000
"""So much earlier than the others some ticks may seem to come."""
LATE_MS, LIMIT_MB = 100.0, 120.0
SIZES = ((COLUMNS, LINES), (200, 50))
START_S = 40.0
"""The longest that a case may take to reach its number."""
SECONDS = (45.0, 30.0)
"""At each size: of 100 updates and more one in a hundred can be told. What the monitor keeps is a
minute long: only then is its memory at its largest."""
WARM_S = 3.0
HEAD = (
    "server", "size", "seen", "updates", "worst ms", "p99 ms", "age p99 ms", "monitor %", "peak MB",
    "dropped",
)  # fmt: skip


class Window(NamedTuple):
    """What one stretch of time amounts to."""

    size: str
    updates: int
    worst: float
    p99: float
    """Lateness, ms."""
    age: float
    """p99 of the time from the moment that a picture shows to its being sent, ms."""
    percent: float
    """CPU of the monitor."""


class Seen(NamedTuple):
    """What one case amounts to."""

    windows: list[Window]
    most: int
    peak_mb: float
    dropped: int


def percentile(numbers: Sequence[float], share: float) -> float:
    """The number that so large a share of them does not exceed; the worst of few."""
    ordered = sorted(numbers)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def phase_of(begins: Sequence[int]) -> int:
    """When within a period the ticks are due, ns: most of them come in time, and none before it."""
    middle = sorted(begin % PERIOD_NS for begin in begins)[len(begins) // 2]
    around = [(begin - middle + PERIOD_NS // 2) % PERIOD_NS for begin in begins]
    return int(middle - PERIOD_NS // 2 + percentile(around, 0.05)) % PERIOD_NS


def lateness(
    ticks: Sequence[Sequence[int]], writes: Sequence[int], due: Sequence[int]
) -> list[float]:
    """How late each update was, ms.

    Args:
        ticks: as `scale_watch.Timed` has them; the last one only ends the one before.
        writes: likewise, in their order.
        due: likewise.

    Raises:
        Broken: there was no picture.
    """
    phase = phase_of(due)
    sent: dict[int, float] = {}
    for tick, following in pairwise(ticks):
        if tick[1]:
            number = (tick[0] - phase + EARLY_NS) // PERIOD_NS
            sent[number] = drawn(tick[0], following[0], writes)
    if not sent:
        raise Broken("the monitor had no picture")
    out: list[float] = []
    known = sorted(sent)
    for number in range(known[0], known[-1] + 1):
        came = sent[known[bisect_left(known, number)]]
        out.append(max(came - number * PERIOD_NS - phase, 0) / 1e6)
    return out


def drawn(begin: int, end: int, writes: Sequence[int]) -> int:
    """When the picture that was due at `begin` was sent, before the next one at `end`."""
    last = bisect_left(writes, end) - 1
    return max(writes[last], begin) if last >= 0 else begin


def look(said: dict[str, Any], begin: int, end: int, size: str) -> Window:
    """One stretch of time.

    Args:
        said: by `scale_watch`.
        begin: monotonic ns.
        end: likewise.
        size: of the screen.

    Raises:
        Broken: there was no picture.
    """
    end -= PERIOD_NS  # what is sent then is of another size, or clears the screen
    ticks = [tick for tick in said["ticks"] if begin <= tick[0] <= end]
    due, writes = [t for t in said["due"] if begin <= t <= end], said["writes"]
    if len(ticks) < 2:
        raise Broken("the monitor had no picture")
    late = lateness(ticks, writes, due)
    ages = [
        (drawn(tick[0], following[0], writes) - tick[2]) / 1e6
        for tick, following in pairwise(ticks)
        if tick[1]
    ]
    first, last = ticks[0], ticks[-1]
    percent = 100 * (last[3] - first[3]) / (last[0] - first[0])
    return Window(
        size, len(late), max(late), percentile(late, 0.99), percentile(ages, 0.99), percent
    )


def measure(name: str, seconds: Sequence[float]) -> Seen:
    """One case.

    Raises:
        Broken: the monitor did not run, or did not end well.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, going = Path(folder, "seen.json"), Path(folder, "going")
        command = [sys.executable, "-m", "common.scale_watch", name, str(file), str(going)]
        monitor = Terminal(command, scripts_path())
        windows = []
        try:
            give_up = time.monotonic() + START_S
            while not going.exists() and time.monotonic() < give_up and monitor.ended is None:
                time.sleep(0.2)
            for size, length in zip(SIZES, seconds, strict=True):
                monitor.resize(*size)
                time.sleep(WARM_S)
                begin = time.monotonic_ns()
                time.sleep(length)
                windows.append((begin, time.monotonic_ns(), "{} x {}".format(*size)))
            if monitor.ended is not None:
                raise Broken(f"the monitor ended: {monitor.last_words()}")
        finally:
            status = monitor.quit()
        if status:
            raise Broken(f"the monitor ended with status {status}: {monitor.last_words()}")
        said: dict[str, Any] = json.loads(file.read_text())
    found = [look(said, *window) for window in windows]
    return Seen(found, said["most"], said["peak_mb"], said["dropped"])


def rows(case: Case, seen: Seen) -> list[list[str]]:
    """A row for each size."""
    return [
        [
            case.title,
            window.size,
            f"{seen.most:,} {case.what}",
            f"{window.updates}",
            f"{window.worst:.0f}",
            f"{window.p99:.0f}",
            f"{window.age:.0f}",
            f"{window.percent:.1f}",
            f"{seen.peak_mb:.0f}",
            f"{seen.dropped:,}",
        ]
        for window in seen.windows
    ]


def budgets(case: Case, seen: Seen) -> list[Budget]:
    """What has to hold."""
    late = [
        Budget(f"{case.title}, {window.size}: p99 lateness", window.p99, LATE_MS, " ms")
        for window in seen.windows
    ]
    short = max(case.least - seen.most, 0)
    return [
        *late,
        Budget(f"{case.title}: memory", seen.peak_mb, LIMIT_MB, " MB"),
        Budget(f"{case.title}: {case.what} too few", short, 0, f" {case.what}"),
    ]


def main() -> int:
    """Watches each case; the exit status."""
    arguments = parser(__doc__ or "", 1)
    arguments.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    options = arguments.parse_args()
    if unknown := [name for name in options.cases if name not in CASES]:
        arguments.error(f"no such case: {unknown[0]}; there are {', '.join(CASES)}")
    if sys.platform != "linux":
        print("skipped: this needs Linux, for /proc")
        return 0
    results = Results(options, "threadscope", "textual", "fastapi", "uvicorn", "uvloop")
    seconds = (6.0, 6.0) if options.quick else SECONDS
    lines: list[list[str]] = []
    known: list[Budget] = []
    names = [*(options.cases or CASES)] * options.rounds
    for name in names:
        try:
            seen = measure(name, seconds)
        except (Broken, OSError) as error:
            return results.fail(f"{name}: {error}")
        lines += rows(CASES[name], seen)
        known += budgets(CASES[name], seen)
    results.show(f"{seconds[0]:g} s and {seconds[1]:g} s of each", HEAD, lines)
    return results.judge(known)


if __name__ == "__main__":
    sys.exit(main())

"""Does anything grow when a server is watched for an hour? Memory, descriptors, the session file.

    python benchmarks/soak.py                  an hour at 500 requests a second
    python benchmarks/soak.py --minutes 2

`threadscope run --url /async --url /def -q 500 --save FILE -- uvicorn ...` runs on a terminal of
120 x 36 and is ended with `q`. Meanwhile the memory and the descriptors of monitor, server and load
are looked at every 10 s (oftener in a short run), and the size of the session file.

What is judged leaves out the first minutes (--warm): the screen keeps a minute, and fills it. Of
the rest the first tenth is compared with the last by the medians of the memory. Memory is what is
resident less what is shared through files in memory: those are the rings, of a fixed size, whose
pages come one by one. Of descriptors the least number in the first half is compared with that in
the second: connections and worker threads come and go with the moment's need, a leak only comes;
one thread more is three descriptors in the monitor.
The session file is held against the straight line through its sizes.

Exits with 1 when memory grew by more than 5 %, more than three more descriptors are open, the
session file is more than 2 % of its size off the line, an event was dropped or a request failed, or
when the server itself, the load and the probe do not have one and the same number of requests.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from common.lasting import COUNT
from common.results import Broken, Results
from common.servers import COLUMNS, HERE, LINES, Terminal, find
from common.table import Budget, json_option

MONITOR, SERVER, LOAD = "monitor", "server", "load"
NAMES = (MONITOR, SERVER, LOAD)
EVERY_S, LOOKS_AT_LEAST = 10.0, 100
START_S, END_S, REPORT_S = 30.0, 30.0, 1200.0
GROWTH, MORE_OPEN, OFF_LINE = 1.05, 3, 0.02
SHOWN = 13
"""Rows of the table."""


class Look(NamedTuple):
    """What one process has at a moment."""

    rss: float
    """MB of 10^6 bytes."""
    own: float
    """The same without the pages of files in memory."""
    descriptors: int


class Moment(NamedTuple):
    """All that is looked at, at one time."""

    t: float
    """Seconds since the first."""
    looks: dict[str, Look]
    file: int
    """Bytes of the session file."""


class Counts(NamedTuple):
    """The same requests, as each of those who count has them."""

    server: int
    load: int
    probe: int
    failed: int
    cut_off: int
    """In flight when `q` was pressed, and not waited for: not all have them."""
    dropped: int
    """Events that nobody read in time."""


def look(pid: int) -> Look:
    """At a process.

    Raises:
        OSError: it is gone.
    """
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmRSS", "RssShmem"):
            found[name] = int(rest.split()[0]) * 1024 / 1e6
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    return Look(found["VmRSS"], found["VmRSS"] - found["RssShmem"], descriptors)


def pids_of(monitor: Terminal) -> dict[str, int]:
    """The processes, as soon as all are there.

    Raises:
        Broken: they do not come.
    """
    end = time.monotonic() + START_S
    while True:
        try:
            server = find(monitor.pid, "lasting:app")
            return {
                MONITOR: monitor.pid,
                SERVER: server,
                LOAD: find(monitor.pid, "threadscope.load.generator"),
            }
        except Broken:
            if monitor.ended is not None or time.monotonic() > end:
                raise Broken(f"the monitor does not start: {monitor.last_words()}") from None
            time.sleep(0.2)


def watch(monitor: Terminal, session: Path, seconds: float, every: float) -> list[Moment]:
    """Looks at all for so long; each look is a line of JSON beside the session as well.

    Raises:
        Broken: the monitor, the server or the load ended before that.
    """
    pids, out = pids_of(monitor), []
    begin = time.monotonic()
    with session.with_suffix(".jsonl").open("w", buffering=1) as log:
        while (t := time.monotonic() - begin) < seconds:
            try:
                looks = {name: look(pid) for name, pid in pids.items()}
            except (OSError, KeyError):  # gone, or a zombie without memory
                raise Broken(f"something ended after {t:.0f} s: {monitor.last_words()}") from None
            out.append(Moment(t, looks, session.stat().st_size))
            log.write(json.dumps(out[-1]) + "\n")
            time.sleep(max(0.0, every * len(out) - (time.monotonic() - begin)))
    return out


def counted(session: Path, count: Path) -> Counts:
    """Who counted what. The report is made from the session file: so that file is read as well.

    Raises:
        Broken: the server or the report has no number.
    """
    if not count.exists():
        raise Broken("the server wrote no count down: it did not end as it should")
    command = [sys.executable, "-m", "threadscope", "report", str(session), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_S, check=False)
    if done.returncode:
        raise Broken(f"the session file gives no report: {done.stderr.strip()}")
    phases = json.loads(done.stdout)["phases"]

    def total(*path: str) -> int:
        return sum(_at(phase, path) for phase in phases)

    return Counts(
        int(count.read_text()),
        total("requests", "completed"),
        total("server", "requests_completed"),
        total("requests", "failed"),
        total("requests", "cut_off"),
        total("events", "dropped"),
    )


def _at(tree: Any, path: tuple[str, ...]) -> int:
    for name in path:
        tree = tree[name]
    return int(tree)


def ends(moments: list[Moment], part: int) -> tuple[list[Moment], list[Moment]]:
    """The first such part of it, and the last one: tenths, halves."""
    size = max(1, len(moments) // part)
    return moments[:size], moments[-size:]


def memory(moments: list[Moment], name: str) -> float:
    """The median of a process's memory, MB."""
    return statistics.median(one.looks[name].own for one in moments)


def descriptors(moments: list[Moment], name: str) -> int:
    """What a process had open all the time."""
    return min(one.looks[name].descriptors for one in moments)


def off_line(moments: list[Moment]) -> float:
    """How far the session file was from a straight line, at most; 1 is its last size."""
    times, sizes = [one.t for one in moments], [float(one.file) for one in moments]
    slope, intercept = statistics.linear_regression(times, sizes)
    off = (abs(size - slope * t - intercept) for t, size in zip(times, sizes, strict=True))
    return max(off) / sizes[-1]


def budgets(moments: list[Moment], counts: Counts) -> list[Budget]:
    """What has to hold, of the moments after the warm-up."""
    (first, last), (before, after) = ends(moments, 10), ends(moments, 2)
    out = []
    for name in NAMES:
        grown = memory(last, name) / memory(first, name)
        out.append(Budget(f"memory of the {name}, last tenth / first", grown, GROWTH))
    for name in NAMES:
        more = descriptors(after, name) - descriptors(before, name)
        out.append(Budget(f"more descriptors in the {name}", more, MORE_OPEN))
    numbers = counts.server, counts.load, counts.probe
    apart = max(0, max(numbers) - min(numbers) - counts.cut_off)
    return [
        *out,
        Budget("the session file off a straight line, of its size", off_line(moments), OFF_LINE),
        Budget("events dropped", counts.dropped, 0, " events"),
        Budget("requests failed", counts.failed, 0, " requests"),
        Budget("server's, load's and probe's count apart", apart, 0, " requests"),
    ]


HEAD = ("minute", *(f"{name}{what}" for name in NAMES for what in (" MB", " own", " fds")), "file")


def rows(moments: list[Moment]) -> list[list[str]]:
    """Some of the moments, evenly, with the last."""
    count = min(SHOWN, len(moments))
    picked = [moments[round(i * (len(moments) - 1) / max(1, count - 1))] for i in range(count)]
    return [
        [
            f"{one.t / 60:.1f}",
            *(
                text
                for name in NAMES
                for found in (one.looks[name],)
                for text in (f"{found.rss:.1f}", f"{found.own:.1f}", f"{found.descriptors}")
            ),
            f"{one.file / 1e6:.2f}",
        ]
        for one in picked
    ]


def soak(results: Results, minutes: float, rate: int, warm: float, folder: Path) -> list[Budget]:
    """The whole run, with its table; what has to hold.

    Raises:
        Broken: it did not run, or did not end well.
    """
    session, count = folder / "soak.tscope", folder / "served"
    server = [sys.executable, "-P", "-m", "uvicorn", "--app-dir", str(HERE), "lasting:app"]
    asked = ["--url", "/async", "--url", "/def", "-q", str(rate), "--save", str(session)]
    command = [sys.executable, "-m", "threadscope", "run", *asked, "--", *server]
    seconds = minutes * 60
    monitor = Terminal([*command, "--port", "0", "--no-access-log"], {COUNT: str(count)})
    try:
        moments = watch(monitor, session, seconds, min(EVERY_S, seconds / LOOKS_AT_LEAST))
    finally:
        status = monitor.quit(patience=END_S)
    if status:
        raise Broken(f"the monitor ended with status {status}: {monitor.last_words()}")
    counts = counted(session, count)
    title = f"{COLUMNS} x {LINES}, {minutes:g} minutes at {rate} req/s; MB of 10^6 bytes"
    results.show(title, HEAD, rows(moments))
    per_request = session.stat().st_size / max(1, counts.load)
    results.say(
        f"requests: the server counted {counts.server:,}, the load {counts.load:,}, the probe"
        f" {counts.probe:,}, and {counts.cut_off} were cut off at the end;"
        f" the session file has {per_request:.1f} bytes a request"
    )
    return budgets([one for one in moments if one.t >= warm], counts)


def options() -> argparse.Namespace:
    """What the command line asks for."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    arguments.add_argument("--rate", type=int, default=500, help="requests a second (default: 500)")
    arguments.add_argument(
        "--warm", type=float, help="seconds left out (default: 300, at most half of the run)"
    )
    arguments.add_argument(
        "--folder", type=Path, help="where the session and the looks are kept (default: nowhere)"
    )
    json_option(arguments)
    return arguments.parse_args()


def main() -> int:
    """Watches, judges; the exit status."""
    asked = options()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for the memory of another process")
        return 0
    results = Results(asked, "threadscope", "textual", "fastapi", "uvicorn", "uvloop")
    warm = asked.warm if asked.warm is not None else min(300.0, asked.minutes * 30)
    try:
        with tempfile.TemporaryDirectory() as passing:
            folder = asked.folder or Path(passing)
            folder.mkdir(parents=True, exist_ok=True)
            found = soak(results, asked.minutes, asked.rate, warm, folder)
    except (Broken, OSError, subprocess.TimeoutExpired) as error:
        return results.fail(error)
    return results.judge(found)


if __name__ == "__main__":
    sys.exit(main())

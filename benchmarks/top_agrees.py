"""Does `top -H` say the same as the sampler? Both look at the same five seconds of the CPU demo.

    python benchmarks/top_agrees.py

The load is four clients, on the `def` route and then on the `async def` one. top takes its two
looks when it likes; the sampler looks the moment each of them appears on top's output. Threads are
compared by rank, as the workers take turns.

Exits with 1 when the median difference of a rank is more than 3 points.

Some versions of top (procps-ng 4) show the whole process in its first thread's row, `-H` or not.
That is found out first, on a process of our own; the other threads are then taken out of it.
"""

from __future__ import annotations

import http.client
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.results import Results
from common.table import Budget, parser

from threadscope.model.sample import ProcessSample
from threadscope.sampling.factory import Sampler, open_sampler
from threadscope.targets.demos import DEMOS, DemoServer, DemoVariant, start_demo

SECONDS = 5
LIMIT_POINTS = 3.0

Usage = dict[int, float]
"""Percent of a core, by thread."""


@contextmanager
def load(server: DemoServer, way: DemoVariant, clients: int) -> Iterator[None]:
    """Clients that ask again at once; inside, every one of them was answered at least once."""
    stop = threading.Event()
    warm = threading.Barrier(clients + 1)

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        first = True
        while not stop.is_set():
            connection.request("GET", way.path.format(client=number))
            connection.getresponse().read()
            if first:
                warm.wait()
                first = False
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(1, clients + 1)]
    for thread in threads:
        thread.start()
    warm.wait()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def look(sampler: Sampler) -> ProcessSample:
    """One sample of a server that must be there."""
    sample = sampler.sample(time.monotonic_ns())
    assert sample is not None
    return sample


def watch(pid: int, seconds: int, at_frame: Callable[[], None]) -> Usage:
    """Runs top for two frames; `at_frame` is called the moment each of them appears."""
    with tempfile.TemporaryDirectory() as home:  # no ~/.toprc
        top = subprocess.Popen(
            ["top", "-H", "-b", "-w", "200", "-d", str(seconds), "-n", "2", "-p", str(pid)],
            env={"PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            text=True,
        )
        frame: list[str] = []
        assert top.stdout is not None
        with top, top.stdout as out:
            for line in out:
                if "load average:" in line:
                    at_frame()
                    frame = []
                frame.append(line)
    return usage_of_top(frame)


def first_row_is_all() -> bool:
    """Whether this top shows the whole process in the row of its first thread, which sleeps."""
    code = "import threading as t; t.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        shown = watch(process.pid, 1, lambda: None)
        return shown[process.pid] > max(shown.values()) / 2
    finally:
        process.kill()
        process.wait()


def one_round(pid: int, sampler: Sampler, all_in_first: bool) -> tuple[Usage, Usage]:
    """What top and the sampler say of the same seconds."""
    samples: list[ProcessSample] = []
    top = watch(pid, SECONDS, lambda: samples.append(look(sampler)))
    if all_in_first:
        top[pid] -= sum(percent for tid, percent in top.items() if tid != pid)
    first, last = samples
    return top, usage(first, last)


def usage_of_top(frame: list[str]) -> Usage:
    """The column %CPU of one of top's screens."""
    rows = [line.split() for line in frame if line.strip()]
    begin, header = next((n, row) for n, row in enumerate(rows) if "%CPU" in row)
    cpu = header.index("%CPU")
    return {int(row[0]): float(row[cpu]) for row in rows[begin + 1 :]}


def usage(first: ProcessSample, last: ProcessSample) -> Usage:
    """The same from two samples."""
    before = {thread.tid: thread.cpu_ns for thread in first.threads}
    return {
        thread.tid: 100 * (thread.cpu_ns - before.get(thread.tid, 0)) / (last.t - first.t)
        for thread in last.threads
    }


Pair = tuple[float, float]
"""The same thread: by top, and by the sampler."""


def measure(
    server: DemoServer, way: DemoVariant, clients: int, rounds: int, all_in_first: bool
) -> dict[int, list[Pair]]:
    """What both say in each round, by rank: 1 is the thread with most CPU."""
    by_rank: dict[int, list[Pair]] = {}
    sampler = open_sampler(server.process.pid)
    for _ in range(rounds):
        with load(server, way, clients):
            top, ours = one_round(server.process.pid, sampler, all_in_first)
        ranked = sorted(ours, key=lambda tid: (-ours[tid], tid))
        for rank, tid in enumerate(ranked, 1):
            by_rank.setdefault(rank, []).append((top.get(tid, 0.0), ours[tid]))
    sampler.close()
    return by_rank


def difference(pairs: list[Pair]) -> float:
    """The median over the rounds, points."""
    return statistics.median(ours - top for top, ours in pairs)


HEAD = ("rank", "top %", "threadscope %", "difference", "most")


def rows(by_rank: dict[int, list[Pair]]) -> list[list[str]]:
    """Medians of the ranks that did something."""
    return [
        [
            str(rank),
            f"{statistics.median(top for top, _ in pairs):.1f}",
            f"{statistics.median(ours for _, ours in pairs):.1f}",
            f"{difference(pairs):+.1f}",
            f"{max((ours - top for top, ours in pairs), key=abs):+.1f}",
        ]
        for rank, pairs in by_rank.items()
        if max(max(pair) for pair in pairs) >= 0.1
    ]


def main() -> int:
    """Compares on both routes; the exit status."""
    options = parser(__doc__ or "", 3).parse_args()
    if shutil.which("top") is None or sys.platform != "linux":
        print("skipped: this needs Linux and top (Debian: apt-get install procps)")
        return 0
    results = Results(options, "threadscope")
    all_in_first = first_row_is_all()
    if all_in_first:
        results.say("this top shows the whole process in its first row: the others are taken out")
    demo, rounds, worst = DEMOS["cpu"], 1 if options.quick else options.rounds, 0.0
    server = start_demo(demo)
    try:
        # def first, so that the workers are there in both tables
        for way in reversed(demo.variants):
            found = measure(server, way, demo.clients, rounds, all_in_first)
            title = f"{way.variant.title}: {demo.clients} clients, {rounds} rounds of {SECONDS} s"
            results.show(title, HEAD, rows(found))
            worst = max(worst, *(abs(difference(pairs)) for pairs in found.values()))
    finally:
        server.stop()
    what = "a thread's CPU, threadscope and top -H apart"
    return results.judge([Budget(what, worst, LIMIT_POINTS, " points")])


if __name__ == "__main__":
    sys.exit(main())

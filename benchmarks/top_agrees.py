"""Does `top -H` say the same as the sampler? Both look at the same five seconds of the CPU demo.

    python benchmarks/top_agrees.py

The load is four clients, on the `def` route and then on the `async def` one. top takes its two
looks when it likes; the sampler looks the moment each of them appears on top's output. Three
rounds; threads are compared by rank, as the workers take turns. Exits with 1 when the median
difference of a rank is more than 3 points.

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
from collections.abc import Callable
from contextlib import contextmanager

from threadscope.model.sample import ProcessSample
from threadscope.sampling.factory import Sampler, open_sampler
from threadscope.targets.demos import DEMOS, DemoServer, DemoVariant, start_demo

ROUNDS = 3
SECONDS = 5
LIMIT_POINTS = 3.0

Usage = dict[int, float]
"""Percent of a core, by thread."""


@contextmanager
def load(server: DemoServer, way: DemoVariant, clients: int):
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
        return watch(process.pid, 1, lambda: None)[process.pid] > 50
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


def compare(server: DemoServer, way: DemoVariant, clients: int, all_in_first: bool) -> float:
    """Prints a table; the largest median difference of a rank."""
    print(f"\n{way.variant.title}: {clients} clients, {ROUNDS} rounds of {SECONDS} s")
    print("rank  round      TID     top  threadscope  difference")
    by_rank: dict[int, list[float]] = {}
    sampler = open_sampler(server.process.pid)
    for number in range(1, ROUNDS + 1):
        with load(server, way, clients):
            top, ours = one_round(server.process.pid, sampler, all_in_first)
        ranked = sorted(ours, key=lambda tid: (-ours[tid], tid))
        for rank, tid in enumerate(ranked, 1):
            difference = ours[tid] - top.get(tid, 0.0)
            by_rank.setdefault(rank, []).append(difference)
            if max(ours[tid], top.get(tid, 0.0)) >= 0.1:
                numbers = f"{top.get(tid, 0.0):6.1f}  {ours[tid]:11.1f}  {difference:+10.1f}"
                print(f"{rank:4}  {number:5}  {tid:7}  {numbers}")
    sampler.close()
    medians = {rank: statistics.median(differences) for rank, differences in by_rank.items()}
    shown = "  ".join(f"{rank}: {median:+.1f}" for rank, median in list(medians.items())[:6])
    print(f"median difference by rank, points:  {shown}")
    return max(abs(median) for median in medians.values())


def main() -> int:
    """Compares on both routes; the exit status."""
    if shutil.which("top") is None or sys.platform != "linux":
        print("skipped: this needs Linux and top (Debian: apt-get install procps)")
        return 0
    all_in_first = first_row_is_all()
    if all_in_first:
        print("this top shows the whole process in its first row: the other threads are taken out")
    demo = DEMOS["cpu"]
    server = start_demo(demo)
    try:
        # def first, so that the workers are there in both tables
        ways = reversed(demo.variants)
        worst = max(compare(server, way, demo.clients, all_in_first) for way in ways)
    finally:
        server.stop()
    agrees = worst <= LIMIT_POINTS
    print(f"\nlargest median difference {worst:.1f} points: {'agrees' if agrees else 'DISAGREES'}")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())

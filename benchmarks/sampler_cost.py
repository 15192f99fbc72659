"""What does one look at the kernel's figures of 45 threads cost? Beside psutil.

    python benchmarks/sampler_cost.py

A process with 45 threads (an event loop's, 40 workers and some more) is looked at by the sampler,
which reads `schedstat` and `stat` through files that stay open, and by `psutil.Process.threads()`,
which opens each thread's `stat` anew. They take turns, in slices of looks 10 ms apart: first while
all threads sleep, then while each wakes up every 20 ms, so that all their figures change.

Figures are CPU microseconds of the looking thread for one look at one thread; `ratio` is the
median of the ratios of the same round.

Exits with 1 when the sampler takes more than 10/16 of what psutil takes: of 10 us a thread and 16,
as where the budget was made, a slower machine takes more of both.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
from common.results import Broken, Results
from common.table import Budget, median, paired, parser, turns

from threadscope.sampling.factory import open_sampler

OURS, PSUTIL = "threadscope's sampler", "psutil"
NAMES = (OURS, PSUTIL)
THREADS = 45
KINDS = {"asleep": 3600.0, "each awake every 20 ms": 0.02}
LOOKS, APART_S = 25, 0.01
LIMIT = 10 / 16
SUBJECT = """
import sys, threading, time
def sleep():
    while True:
        time.sleep(float(sys.argv[2]))
for _ in range(int(sys.argv[1]) - 1):
    threading.Thread(target=sleep, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""

Round = dict[str, float]


@contextmanager
def subject(pause_s: float) -> Iterator[int]:
    """A process with so many threads, each of which sleeps so long at a time; its PID."""
    command = [sys.executable, "-c", SUBJECT, str(THREADS), str(pause_s)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.stdin.close()


def cost(look: Callable[[], int], looks: int) -> float:
    """CPU of a look, us a thread.

    Raises:
        Broken: a look did not see all of them.
    """
    spent = 0
    for _ in range(looks):
        time.sleep(APART_S)
        begin = time.thread_time_ns()
        seen = look()
        spent += time.thread_time_ns() - begin
        if seen != THREADS:
            raise Broken(f"a look saw {seen} threads of {THREADS}")
    return spent / looks / THREADS / 1000


def measure(pause_s: float, rounds: int) -> list[Round]:
    """Both in each round, in turns."""
    with subject(pause_s) as pid:
        sampler, process = open_sampler(pid), psutil.Process(pid)

        def ours() -> int:
            sample = sampler.sample(time.monotonic_ns())
            return len(sample.threads) if sample else 0

        looks = {OURS: ours, PSUTIL: lambda: len(process.threads())}
        for look in looks.values():
            cost(look, 3)  # files are opened, caches filled
        try:
            return [
                {name: cost(looks[name], LOOKS) for name in order} for order in turns(NAMES, rounds)
            ]
        finally:
            sampler.close()


HEAD = ("us a thread", "median", "least", "most", "ratio")


def rows(rounds: list[Round]) -> list[list[str]]:
    """A row for each of the two."""
    return [
        [
            name,
            f"{median(rounds, name):.1f}",
            f"{min(one[name] for one in rounds):.1f}",
            f"{max(one[name] for one in rounds):.1f}",
            f"{paired(rounds, name, OURS, lambda one, base: one / base):.1f} x",
        ]
        for name in NAMES
    ]


def main() -> int:
    """Measures both kinds of threads; the exit status."""
    options = parser(__doc__ or "", 15).parse_args()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for the figures of another process's threads")
        return 0
    results = Results(options, "threadscope", "psutil")
    budgets, rounds = [], 2 if options.quick else options.rounds
    try:
        for kind, pause_s in KINDS.items():
            found = measure(pause_s, rounds)
            results.show(f"{THREADS} threads, {kind}: {rounds} paired rounds", HEAD, rows(found))
            took = f"{median(found, OURS):.1f} us a thread, psutil {median(found, PSUTIL):.1f} us"
            ratio = paired(found, OURS, PSUTIL, lambda one, base: one / base)
            what = f"the sampler to psutil, {THREADS} threads, {kind}: {took}"
            budgets.append(Budget(what, ratio, LIMIT))
    except (Broken, psutil.Error) as error:
        return results.fail(error)
    return results.judge(budgets)


if __name__ == "__main__":
    sys.exit(main())

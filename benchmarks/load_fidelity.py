"""Can the load be trusted? `threadscope load` beside wrk and hey on the same server.

    python benchmarks/load_fidelity.py

A real uvicorn with a hello app (`async def`, no access log) is asked in turns, in rounds whose
order changes:

- by 100 clients, as much as it can take: req/s of `threadscope load` against `wrk -t1` and `hey`;
- by one client, where the server is not saturated: p50 against wrk's, p99 beside it.

What a request costs stands beside it, in CPU time of the generator and of the server: that is much
less moved by what else the machine does. A server that is saturated answers as many requests as its
own cost allows, and that depends on how many of them come at a time: a generator that asks again
later gives it smaller batches.

Then alone: 200 requests a second on schedule against a server that stalls for 2 s once in 10 s,
where the p99 from the schedule must show it and every scheduled request must be accounted for; and
20,000 requests, of which the server's own count, the report's and the sum of the histogram must be
one number.

wrk and hey come from the system's packages (`apt-get install wrk hey`); what is missing is left
out, and said. With two CPUs or more the server has one to itself, and the loads share the others.

Exits with 1 when wrk gets more than 1/0.95 or hey more than 1.0 times our req/s, when the p50 are
more than 15 % apart, when the stall is not seen or when a request is lost.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from common.results import Broken, Results
from common.servers import cpu_ns, hello_server
from common.table import Budget, median, paired, parser, turns

from threadscope.targets.errors import TargetError

OURS, WRK, HEY = "threadscope load", "wrk -t1", "hey"
CLIENTS = 100
STALL_RATE, STALL_RUN_S, STALL_P99_MS = 200, 10, 1000.0
REQUESTS = 20_000
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Figures(NamedTuple):
    """What a generator says. Times in ms."""

    per_second: float
    p50: float
    p99: float
    own_us: float
    """Its CPU time for a request."""
    server_us: float = 0.0
    """The server's; of all that it was asked, and not only in the measurement."""


class Server(NamedTuple):
    """The one that is asked."""

    url: str
    pid: int


# -- the generators ------------------------------------------------------------------------------
def ours(url: str, clients: int, seconds: float) -> Figures:
    """`threadscope load`."""
    phase = our_report(url, "-c", str(clients), "-z", f"{seconds:g}s")
    latency, load = phase["latency_ms"], phase["load"]
    per_second, percent = phase["requests"]["per_second"], load["generator_cpu_percent"]
    return Figures(per_second, latency["p50"], latency["p99"], 1e4 * percent / per_second)


def our_report(url: str, *options: str) -> dict[str, Any]:
    """The phase in the JSON report of `threadscope load`."""
    command = [sys.executable, "-m", "threadscope", "load", url, *options, "--json"]
    phase: dict[str, Any] = json.loads(run(command))["phases"][0]
    if phase["requests"]["failed"]:
        raise Broken(f"{phase['requests']['failed']} requests failed: {phase['errors']}")
    return phase


def wrk(url: str, clients: int, seconds: float) -> Figures:
    """`wrk` with one thread."""
    whole, before = f"{max(1, round(seconds))}s", children_us()
    text = run(["wrk", "-t1", f"-c{clients}", f"-d{whole}", "--timeout", "30s", "--latency", url])
    if "Non-2xx" in text or "Socket errors" in text:
        raise Broken(f"wrk had errors:\n{text}")

    def percentile(name: str) -> float:
        value, unit = search(rf"\s{name}%\s+([\d.]+)(us|ms|s)\b", text)
        return float(value) * UNITS_MS[unit]

    return Figures(
        float(search(r"Requests/sec:\s+([\d.]+)", text)[0]),
        percentile("50"),
        percentile("99"),
        (children_us() - before) / int(search(r"(\d+) requests in", text)[0]),
    )


def hey(url: str, clients: int, seconds: float) -> Figures:
    """`hey`."""
    before = children_us()
    text = run(["hey", "-c", str(clients), "-z", f"{max(1, round(seconds))}s", url])
    return Figures(
        float(search(r"Requests/sec:\s+([\d.]+)", text)[0]),
        1000 * float(search(r"50% in ([\d.]+) secs", text)[0]),
        1000 * float(search(r"99% in ([\d.]+) secs", text)[0]),
        (children_us() - before) / int(search(r"\[200\]\s+(\d+) responses", text)[0]),
    )


def run(command: list[str]) -> str:
    """Its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Broken(f"{command[0]} ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def children_us() -> float:
    """CPU time of the processes that were run and have ended, us."""
    times = os.times()
    return 1e6 * (times.children_user + times.children_system)


def search(pattern: str, text: str) -> tuple[str, ...]:
    """The groups of what must be there."""
    found = re.search(pattern, text)
    if found is None:
        raise Broken(f"no {pattern} in:\n{text}")
    return found.groups()


GENERATORS: dict[str, Callable[[str, int, float], Figures]] = {OURS: ours, WRK: wrk, HEY: hey}


def present(results: Results) -> list[str]:
    """The generators that are installed; says which are not."""
    missing = [name for name in (WRK, HEY) if not shutil.which(name.split()[0])]
    for name in missing:
        program = name.split()[0]
        results.say(f"missing here: {program} (Debian: apt-get install {program})")
    return [name for name in GENERATORS if name not in missing]


# -- the server ----------------------------------------------------------------------------------
@contextmanager
def server(results: Results) -> Iterator[Server]:
    """A fresh one; it has a CPU to itself where there are two."""
    ours: list[int] = []
    if hasattr(os, "sched_setaffinity"):
        *ours, theirs = sorted(os.sched_getaffinity(0))
    with hello_server(dict(os.environ), "counting:app") as (pid, port):
        if ours:
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {theirs})
            os.sched_setaffinity(0, set(ours))
            results.say(f"the server on CPU {theirs}, the loads on the others")
        yield Server(f"http://127.0.0.1:{port}", pid)


def ask(url: str) -> Any:
    """One request by hand."""
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


# -- what is compared ----------------------------------------------------------------------------
def rounds_of(
    of: Server, names: list[str], clients: int, rounds: int, seconds: float
) -> list[dict[str, Figures]]:
    """Each generator once in each round."""

    def measured(name: str) -> Figures:
        ask(f"{of.url}/count")
        before = cpu_ns(of.pid)
        figures = GENERATORS[name](f"{of.url}/async", clients, seconds)
        used = cpu_ns(of.pid) - before
        return figures._replace(server_us=used / 1000 / ask(f"{of.url}/count"))

    return [{name: measured(name) for name in order} for order in turns(names, rounds)]


def show(results: Results, found: list[dict[str, Figures]], names: list[str], clients: int) -> None:
    """A row for each generator."""
    per_second = column(found, "per_second")
    rows = [
        [
            name,
            f"{median(per_second, name):,.0f}",
            f"{paired(per_second, name, OURS, lambda one, base: one / base):.3f}",
            *(f"{median(column(found, field), name):.2f}" for field in ("p50", "p99")),
            *(f"{median(column(found, field), name):.0f}" for field in ("own_us", "server_us")),
        ]
        for name in names
    ]
    head = ("", "req/s", "/ ours", "p50 ms", "p99 ms", "own us", "server us")
    results.show(f"clients: {clients}, closed loop, {len(found)} rounds, medians", head, rows)


def column(found: list[dict[str, Figures]], field: str) -> list[dict[str, float]]:
    """One figure of all generators in all rounds."""
    return [{name: getattr(one[name], field) for name in one} for one in found]


def compare(
    results: Results, of: Server, names: list[str], rounds: int, seconds: float
) -> list[Budget]:
    """The rates at saturation, and the latencies below it."""
    full = rounds_of(of, names, CLIENTS, rounds, seconds)
    show(results, full, names, CLIENTS)
    alone = [name for name in names if name != HEY]  # it rounds to 0.1 ms
    quiet = rounds_of(of, alone, 1, rounds, seconds)
    show(results, quiet, alone, 1)
    budgets = []
    for name, limit in ((WRK, 1 / 0.95), (HEY, 1.0)):
        if name in names:
            ratio = paired(column(full, "per_second"), name, OURS, lambda one, base: one / base)
            budgets.append(Budget(f"req/s at saturation, {name} / ours", ratio, round(limit, 3)))
    if WRK in names:
        ratio = paired(column(quiet, "p50"), OURS, WRK, lambda one, base: one / base)
        budgets.append(Budget("p50 below saturation, ours and wrk's apart", abs(ratio - 1), 0.15))
    return budgets


def stall(results: Results, url: str) -> list[Budget]:
    """A schedule against a server that stalls."""
    ask(f"{url}/again")
    ask(f"{url}/count")
    options = ("-q", str(STALL_RATE), "-z", f"{STALL_RUN_S}s", "-c", "50")
    phase = our_report(f"{url}/stalling", *options)
    requests, count = phase["requests"], ask(f"{url}/count")
    late, dropped, on_time = requests["late"], requests["dropped"], requests["on_time"]
    title = (
        f"{STALL_RATE} requests/sec for {STALL_RUN_S} s, a stall of 2 s:"
        f" {requests['scheduled']:,} scheduled = {on_time:,} on time + {late:,} late"
        f" + {dropped:,} dropped; the server counted {count:,}"
    )
    sent, due = phase["latency_ms"], phase["latency_from_schedule_ms"]
    rows = [
        [name, *(f"{latency[key]:,.1f}" for key in ("p50", "p90", "p99", "max"))]
        for name, latency in (("from its sending", sent), ("from the schedule", due))
    ]
    results.show(title, ("latency, ms", "p50", "p90", "p99", "max"), rows)
    lost = abs(requests["scheduled"] - on_time - late - dropped) + abs(on_time + late - count)
    return [
        Budget("1 s / p99 from the schedule, with a stall of 2 s", STALL_P99_MS / due["p99"], 1.0),
        Budget("scheduled requests that are not accounted for", lost, 0.0),
    ]


def one_number(results: Results, url: str) -> Budget:
    """All three counts of so many requests."""
    ask(f"{url}/count")
    phase = our_report(f"{url}/async", "-n", str(REQUESTS), "-c", str(CLIENTS))
    counts = {
        "the server": ask(f"{url}/count"),
        "the report": phase["requests"]["completed"],
        "the histogram": sum(count for _, count in phase["histogram_ms"]),
    }
    results.say(f"{REQUESTS:,} requests: " + ", ".join(f"{k} has {n:,}" for k, n in counts.items()))
    apart = max(abs(count - REQUESTS) for count in counts.values())
    return Budget(f"requests missing in a count of {REQUESTS:,}", apart, 0.0)


def main() -> int:
    """Compares, prints, judges; the exit status."""
    options = parser(__doc__ or "", 9).parse_args()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for its processes on CPUs of their own")
        return 0
    results = Results(options, "threadscope", "fastapi", "uvicorn", "uvloop", "httptools")
    names, rounds = present(results), 2 if options.quick else options.rounds
    try:
        with server(results) as asked:
            ours(f"{asked.url}/async", CLIENTS, 1.0)  # warm
            found = compare(results, asked, names, rounds, 1.0 if options.quick else 3.0)
            found += [*stall(results, asked.url), one_number(results, asked.url)]
    except (Broken, TargetError) as error:
        return results.fail(error)
    return results.judge(found)


if __name__ == "__main__":
    sys.exit(main())

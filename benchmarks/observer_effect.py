"""What does watching cost a server? Its CPU a request, watched against unwatched.

    python benchmarks/observer_effect.py

A real uvicorn with a hello app (`async def`, no access log), three times: without the probe; with
the probe and a process that reads its ring 20 times a second and its threads 10 times, as the
monitor does; with the probe and nobody there, so that it sleeps. They are asked in turns, in
rounds whose order changes.

First comes the rate at which the unwatched server is saturated; the servers' CPU clocks are then
compared at half of that rate, requests due at even intervals. Beside it are the CPU a request and
the rate of each of them at saturation. With two CPUs or more the server has one to itself, and the
load and the reader share the others; where that is one only, the reader takes from the load at
saturation, so that part of what req/s loses there is the load's.

Exits with 1 when a request costs the watched server more than 1.05 times the CPU.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from common.results import Broken, Results
from common.servers import HERE, cpu_ns, hello_server
from common.table import (
    Budget,
    median,
    paired,
    parser,
    ring_place,
    turns,
)

from threadscope.probe.layout import SLEEP_AFTER_NS
from threadscope.rings.folder import probe_environment
from threadscope.rings.reader import RingReader
from threadscope.targets.errors import TargetError

PLAIN, WATCHED, DORMANT = "unwatched", "watched", "probe there, nobody watches"
NAMES = (PLAIN, WATCHED, DORMANT)
LIMIT = 1.05
PATH = "/async"
SLICE_S = 2.0

Round = dict[str, float]


class Seen(NamedTuple):
    """What the reader saw in one slice, and its own CPU."""

    requests: int
    dropped: int
    percent: float


class Server(NamedTuple):
    """A hello server that runs."""

    name: str
    pid: int
    port: int
    folder: Path


class Slice(NamedTuple):
    """A stretch of load."""

    per_second: float
    cpu_us: float
    """CPU of the server a request."""
    late: int
    seen: Seen | None


@contextmanager
def servers(own_cpu: set[int]) -> Iterator[list[Server]]:
    """One of each kind, each on the CPU that is theirs."""
    with ExitStack() as stack:
        out = []
        for name in NAMES:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ring_place())))
            env = dict(os.environ)
            env.pop("THREADSCOPE_DIR", None)
            if name != PLAIN:
                env = probe_environment(folder, env)
            pid, port = stack.enter_context(hello_server(env))
            for task in Path(f"/proc/{pid}/task").iterdir() if own_cpu else ():
                os.sched_setaffinity(int(task.name), own_cpu)
            out.append(Server(name, pid, port, folder))
        yield out


@contextmanager
def reader(server: Server) -> Iterator[list[Seen]]:
    """Reads the server's ring meanwhile; afterwards the list holds what it saw."""
    command = [sys.executable, str(HERE / "watcher.py"), str(server.folder), str(server.pid)]
    seen: list[Seen] = []
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        if process.stdout.readline().strip() != "watching":
            raise Broken("the reader did not start, see above")
        yield seen
        process.stdin.close()
        requests, dropped, percent = process.stdout.readline().split()
        seen.append(Seen(int(requests), int(dropped), float(percent)))


def load(server: Server, rate: float, seconds: float) -> Slice:
    """One slice of load on a server, as it is; rate 0: as much as it can take."""
    command = [sys.executable, str(HERE / "paced_load.py"), str(server.port), PATH]
    command += [str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()  # it has settled
        before = cpu_ns(server.pid)
        line = process.stdout.readline().split()
        used = cpu_ns(server.pid) - before
    if len(line) != 3:
        raise Broken(f"{server.name}: the load ended with status {process.returncode}, see above")
    done = int(line[0])
    if not done:
        raise Broken(f"{server.name}: no request was answered")
    return Slice(done / float(line[1]), used / done / 1000, int(line[2]), None)


def measure(server: Server, rate: float, seconds: float) -> Slice:
    """One slice of load in the way that belongs to the server.

    Raises:
        Broken: the load failed, or the reader missed requests.
    """
    if server.name != WATCHED:
        if server.name == DORMANT:
            put_to_sleep(server)
        return load(server, rate, seconds)
    with reader(server) as seen:
        out = load(server, rate, seconds)
    if seen[0].requests < out.per_second * seconds * 0.9:
        raise Broken(f"the reader saw {seen[0].requests} requests only: this is not watching")
    return out._replace(seen=seen[0])


def put_to_sleep(server: Server) -> None:
    """The probe is awake for 5 s after a start: makes its last heartbeat older than that."""
    for path in server.folder.glob("*.ring"):
        ring = RingReader(path)
        ring.beat(1)
        ring.close()


def split_cpus() -> set[int]:
    """Takes the server's CPU away from us and from what we start; which, empty: it shares ours."""
    if not hasattr(os, "sched_setaffinity"):
        return set()
    *ours, theirs = sorted(os.sched_getaffinity(0))
    if not ours:
        return set()
    os.sched_setaffinity(0, ours)
    return {theirs}


def rows(cpu: list[Round], busy: list[Round], per_second: list[Round]) -> list[list[str]]:
    """A row for each kind of server.

    Args:
        cpu: CPU a request at half the rate, us, in each round.
        busy: the same at saturation.
        per_second: requests a second at saturation.
    """
    return [
        [
            name,
            f"{median(cpu, name):.1f}",
            f"{paired(cpu, name, PLAIN, lambda one, base: one / base):.3f}",
            f"{paired(cpu, name, PLAIN, lambda one, base: one - base):+.1f}",
            f"{median(busy, name):.1f}",
            f"{paired(busy, name, PLAIN, lambda one, base: one / base):.3f}",
            f"{median(per_second, name):,.0f}",
            f"{paired(per_second, name, PLAIN, lambda one, base: one / base):.3f}",
        ]
        for name in NAMES
    ]


HEAD = (
    "server", "us a request", "ratio", "added", "saturated: us", "its ratio", "req/s", "of plain",
)  # fmt: skip


def budget(cpu: list[Round]) -> Budget:
    """The watched server's CPU a request, as a ratio."""
    ratio = paired(cpu, WATCHED, PLAIN, lambda one, base: one / base)
    return Budget("server's CPU a request, watched / unwatched", ratio, LIMIT)


def compare(results: Results, rounds: int, seconds: float) -> Budget:
    """Runs all rounds and shows the table."""
    own = split_cpus()
    where = f"the servers on CPU {min(own)}, the load on the others" if own else "nothing is pinned"
    results.say(where)
    with servers(own) as known:
        by_name = {server.name: server for server in known}
        for server in known:
            load(server, 0, 1.0)  # warm
        at_most = [load(by_name[PLAIN], 0, seconds / 2).per_second for _ in range(3)]
        rate = statistics.median(at_most) / 2
        results.say(f"half of the unwatched server's saturated rate: {rate:,.0f} req/s")
        cpu: list[Round] = []
        busy: list[Round] = []
        per_second: list[Round] = []
        seen: list[Seen] = []
        late = 0
        for order in turns(NAMES, rounds):
            paced = {name: measure(by_name[name], rate, seconds) for name in order}
            full = {name: measure(by_name[name], 0, seconds / 2) for name in order}
            cpu.append({name: paced[name].cpu_us for name in NAMES})
            busy.append({name: full[name].cpu_us for name in NAMES})
            per_second.append({name: full[name].per_second for name in NAMES})
            seen += [one for one in (paced[WATCHED].seen,) if one]
            late += sum(one.late for one in paced.values())
    title = f"{len(cpu)} paired rounds of {seconds:g} s at {rate:,.0f} req/s, CPU us of the server"
    results.show(title, HEAD, rows(cpu, busy, per_second))
    results.say(
        f"the reader used {median([{'': one.percent} for one in seen], ''):.1f} % of a core; "
        f"{max(one.dropped for one in seen)} records were lost"
    )
    if late:
        results.say(f"{late:,} requests were sent late: the machine is busy, the rate was not held")
    return budget(cpu)


def main() -> int:
    """Compares, prints, judges; the exit status."""
    options = parser(__doc__ or "", 15).parse_args()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for the CPU clock of another process")
        return 0
    results = Results(options, "threadscope", "fastapi", "uvicorn", "uvloop", "httptools")
    results.say(f"asleep after {SLEEP_AFTER_NS / 1e9:g} s without a monitor")
    try:
        rounds, seconds = (2, 1.0) if options.quick else (options.rounds, SLICE_S)
        found = compare(results, rounds, seconds)
    except (Broken, TargetError) as error:
        return results.fail(error)
    return results.judge([found])


if __name__ == "__main__":
    sys.exit(main())

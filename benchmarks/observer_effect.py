"""What does watching cost a server? Its CPU a request, watched against unwatched.

    python benchmarks/observer_effect.py

A real uvicorn with a hello app (`async def`, no access log), three times: without the probe; with
the probe and a process that reads its ring and its threads as often as the monitor does; with the
probe and nobody there, so that it sleeps. They are asked in turns, in rounds whose order changes.
A round is short, because what else the machine does changes from second to second and by more than
a probe costs: many short rounds tell more than few long ones. And two servers that are the same
differ by some percent, by where their memory lies and how their dicts are hashed: all three are
started anew sixty times, each time in another order and with one and the same seed.

First comes the rate at which the unwatched server is saturated; the servers' CPU clocks are then
compared at half of that rate, requests due at even intervals. They are read each fiftieth of a
second: on a shared host a core is for some tenths of a second at half its speed whenever a
neighbour uses its other half, and all costs twice as much. Those pieces are left out, of each
server in the same way, and the means of the others are compared. Beside it are the CPU a request
and the rate of each of them at saturation. How far the ratio would differ in another such run is
said beside it: that of sets drawn from these at random. With two CPUs or more the server has one to
itself, and the load and the reader share the others; where that is one only, the reader takes from
the load at saturation, so that part of what req/s loses there is the load's.

Exits with 1 when a request costs the watched server more than 1.05 times the CPU.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from common.results import Broken, Results
from common.servers import HERE, hello_server
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
PACED_S, FULL_S = 0.5, 0.4
"""A slice at half of the rate, and one at saturation."""
SETS = 60
"""So often the servers are started anew: one differs from the next by some percent."""

SLOWED = 1.15
"""A piece that costs so many times the first tenth was slowed down from outside: a neighbour makes
it 1.5 to 1.9 times here. Two servers that are the same differ by less, and so does a piece with a
tick of the probe's own from one without: 0.1 ms of 10."""
LEAST = 20
"""Fewer pieces tell nothing."""
DRAWN = 500
"""So often as many sets are drawn again."""

Round = dict[str, float]
Pieces = dict[str, list[float]]
"""CPU a request, us, in each fiftieth of a second, by the server's name."""


class Seen(NamedTuple):
    """What a reader saw, and its own CPU."""

    requests: int
    dropped: int
    cpu_ns: int


class Server(NamedTuple):
    """A hello server that runs."""

    name: str
    pid: int
    port: int
    folder: Path


class Slice(NamedTuple):
    """A stretch of load."""

    per_second: float
    cpu_us: list[float]
    """CPU of the server a request, in each of its pieces."""
    late: int
    done: int


@contextmanager
def servers(own_cpu: set[int], number: int) -> Iterator[list[Server]]:
    """One of each kind, each on the CPU that is theirs; the number of the set."""
    with ExitStack() as stack:
        out = []
        for name in turns(NAMES, number + 1)[-1]:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ring_place())))
            env = dict(os.environ)
            env.pop("THREADSCOPE_DIR", None)
            env["PYTHONHASHSEED"] = str(number)
            if name != PLAIN:
                env = probe_environment(folder, env)
            pid, port = stack.enter_context(hello_server(env))
            for task in Path(f"/proc/{pid}/task").iterdir() if own_cpu else ():
                os.sched_setaffinity(int(task.name), own_cpu)
            out.append(Server(name, pid, port, folder))
        yield out


@contextmanager
def reader(server: Server) -> Iterator[list[Seen]]:
    """Reads the server's ring meanwhile; afterwards the list holds what it saw.

    Raises:
        Broken: it does not start.
    """
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
        requests, dropped, cpu_ns = map(int, process.stdout.readline().split())
        seen.append(Seen(requests, dropped, cpu_ns))


@contextmanager
def loading() -> Iterator[Load]:
    """The load's process."""
    command = [sys.executable, str(HERE / "paced_load.py"), PATH]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield Load(process.stdin, process.stdout)
        process.stdin.close()


class Load(NamedTuple):
    """What asks the servers, one after another."""

    orders: IO[str]
    answers: IO[str]

    def slice(self, server: Server, rate: float, seconds: float) -> Slice:
        """One slice of load on a server, as it is; rate 0: as much as it can take.

        Raises:
            Broken: it failed.
        """
        print(server.port, server.pid, rate, seconds, file=self.orders, flush=True)
        line = self.answers.readline().split()
        if len(line) < 3:
            raise Broken(f"{server.name}: the load ended, see above")
        done, passed, late = int(line[0]), float(line[1]), int(line[2])
        if not done:
            raise Broken(f"{server.name}: no request was answered")
        return Slice(done / passed, [float(one) / 1000 for one in line[3:]], late, done)


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


def undisturbed(pieces: list[float]) -> list[float]:
    """Those in which nothing from outside slowed the server down, see `SLOWED`.

    Raises:
        Broken: there are too few.
    """
    if len(pieces) < LEAST:
        raise Broken("too few requests were answered to tell what one costs")
    limit = SLOWED * sorted(pieces)[len(pieces) // 10]
    return [one for one in pieces if one <= limit]


def cost(pieces: Pieces, name: str) -> float:
    """CPU a request, us, where nothing from outside slowed it down."""
    return statistics.fmean(undisturbed(pieces[name]))


def rows(paced: Pieces, full: Pieces, per_second: list[Round]) -> list[list[str]]:
    """A row for each kind of server.

    Args:
        paced: at half the rate.
        full: at saturation.
        per_second: requests a second at saturation, in each round.
    """
    plain, busy = cost(paced, PLAIN), cost(full, PLAIN)
    return [
        [
            name,
            f"{cost(paced, name):.1f}",
            f"{cost(paced, name) / plain:.3f}",
            f"{cost(paced, name) - plain:+.1f}",
            f"{100 * len(undisturbed(paced[name])) / len(paced[name]):.0f} %",
            f"{cost(full, name):.1f}",
            f"{cost(full, name) / busy:.3f}",
            f"{median(per_second, name):,.0f}",
            f"{paired(per_second, name, PLAIN, lambda one, base: one / base):.3f}",
        ]
        for name in NAMES
    ]


HEAD = (
    "server", "us a request", "ratio", "added", "of the time",
    "saturated: us", "its ratio", "req/s", "of plain",
)  # fmt: skip


def ratio(sets: list[Pieces]) -> float:
    """The watched server's CPU a request, of the unwatched one's."""
    paced = joined(sets)
    return cost(paced, WATCHED) / cost(paced, PLAIN)


def joined(sets: list[Pieces]) -> Pieces:
    """The pieces of all sets."""
    return {name: [one for pieces in sets for one in pieces[name]] for name in NAMES}


def error(sets: list[Pieces]) -> float:
    """Standard error of the ratio: its spread over sets that are drawn anew (Efron's bootstrap).

    Args:
        sets: of each set of servers what its paced slices cost; one set alone differs from none.
    """
    draw = random.Random(0)
    return statistics.pstdev(ratio(draw.choices(sets, k=len(sets))) for _ in range(DRAWN))


def budget(sets: list[Pieces]) -> Budget:
    """The watched server's CPU a request, as a ratio."""
    return Budget("server's CPU a request, watched / unwatched", ratio(sets), LIMIT)


class Rounds(NamedTuple):
    """What all rounds measured, by the server's name."""

    paced: list[Pieces]
    """Of each set of servers."""
    full: list[Pieces]
    per_second: list[Round]
    late: list[int]
    seen: list[Seen]

    def add(self, paced: dict[str, Slice], full: dict[str, Slice]) -> None:
        """One round more of the last set."""
        for name in NAMES:
            self.paced[-1][name].extend(paced[name].cpu_us)
            self.full[-1][name].extend(full[name].cpu_us)
        self.per_second.append({name: one.per_second for name, one in full.items()})
        self.late.append(sum(one.late for one in paced.values()))


def play(found: Rounds, own: set[int], number: int, orders: list[list[str]], rate: float) -> float:
    """Rounds with one set of servers; the rate that it was.

    Args:
        found: is added to.
        own: the servers' CPU.
        number: of the set.
        orders: who comes when, in each round.
        rate: of the paced slices; 0: half of what the unwatched server takes.

    Raises:
        Broken: the load failed, or the reader missed requests.
    """
    with loading() as load, servers(own, number) as known:
        by_name = {server.name: server for server in known}
        for server in known:
            load.slice(server, 0, 0.5)  # warm
        put_to_sleep(by_name[DORMANT])
        if not rate:
            most = [load.slice(by_name[PLAIN], 0, FULL_S).per_second for _ in range(5)]
            rate = statistics.median(most) / 2
        done = 0
        found.paced.append({name: [] for name in NAMES})
        found.full.append({name: [] for name in NAMES})
        with reader(by_name[WATCHED]) as seen:
            for order in orders:
                paced = {name: load.slice(by_name[name], rate, PACED_S) for name in order}
                full = {name: load.slice(by_name[name], 0, FULL_S) for name in order}
                done += paced[WATCHED].done + full[WATCHED].done
                found.add(paced, full)
    if seen[0].requests < done * 0.9:
        raise Broken(f"the reader saw {seen[0].requests} requests only: this is not watching")
    found.seen.extend(seen)
    return rate


def compare(results: Results, rounds: int, sets: int) -> Budget:
    """Runs all rounds and shows the table."""
    own = split_cpus()
    where = f"the servers on CPU {min(own)}, the load on the others" if own else "nothing is pinned"
    results.say(where)
    found, rate, orders = Rounds([], [], [], [], []), 0.0, turns(NAMES, rounds)
    for number in range(sets):
        share = orders[rounds * number // sets : rounds * (number + 1) // sets]
        rate = play(found, own, number, share, rate)
    results.say(f"half of the unwatched server's saturated rate: {rate:,.0f} req/s")
    title = f"{rounds} interleaved rounds of {PACED_S:g} s with {sets} sets of servers"
    title += f" at {rate:,.0f} req/s, CPU us of the server"
    results.show(title, HEAD, rows(joined(found.paced), joined(found.full), found.per_second))
    results.say(f"the watched server's ratio is good to +- {error(found.paced):.3f}")
    requests = sum(one.requests for one in found.seen)
    used = sum(one.cpu_ns for one in found.seen) / requests / 1000
    lost = sum(one.dropped for one in found.seen)
    results.say(f"the reader used {used:.1f} us of CPU a request; {lost} records were lost")
    if late := sum(found.late):
        results.say(f"{late:,} requests were sent late: the machine is busy, the rate was not held")
    return budget(found.paced)


def main() -> int:
    """Compares, prints, judges; the exit status."""
    options = parser(__doc__ or "", 60).parse_args()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for the CPU clock of another process")
        return 0
    results = Results(options, "threadscope", "fastapi", "uvicorn", "uvloop", "httptools")
    results.say(f"asleep after {SLEEP_AFTER_NS / 1e9:g} s without a monitor")
    try:
        rounds, sets = (2, 1) if options.quick else (options.rounds, min(SETS, options.rounds))
        found = compare(results, rounds, sets)
    except (Broken, TargetError) as error:
        return results.fail(error)
    return results.judge([found])


if __name__ == "__main__":
    sys.exit(main())

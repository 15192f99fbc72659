"""What does the probe add to a request? In process, beside the instrumentation of others.

    python benchmarks/probe_cost.py

A FastAPI app that returns a string is called in process: the app as uvicorn loads it, one request
after the other on uvloop (asyncio's loop where uvloop is missing), no sockets. Each configuration
has a fresh interpreter of its own, three times over; they take turns in short slices, each round
in another order. All are pinned to one CPU: a `def` request is handed to a thread and back, and
from CPU to CPU that takes 120 or 250 us by chance.

Figures are CPU microseconds a request of the whole process, its threads included (a peer's
exporter, the probe's watch): on one CPU that is the time a request takes, without what other
programs on the machine take. `added` is the median of the differences to `plain` of the same
round; `best` compares the best slice of either.

The probe is the one that is installed: compiled, where there was a C compiler, and then the one
that is Python only stands beside it.

Exits with 1 when threadscope adds more than 5 us to an `async def` or 15 us to a `def` request.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from common.results import Broken, Results
from common.table import (
    Budget,
    installed,
    median,
    paired,
    parser,
    ring_place,
    turns,
)

from threadscope.probe import compiled
from threadscope.probe import layout as L
from threadscope.probe.compiled import PURE_VARIABLE
from threadscope.rings.folder import probe_environment
from threadscope.rings.reader import RingReader

PLAIN, PROBE, DORMANT = "plain", "threadscope", "threadscope, nobody watches"
PURE = "threadscope, Python only"
PROMETHEUS, OTEL = "prometheus-fastapi-instrumentator", "opentelemetry-instrumentation-fastapi"
PEERS = (PROMETHEUS, OTEL)
OURS = (PROBE, DORMANT, PURE)
KINDS = {"async": "async def", "def": "def"}
LIMITS_US = {"async": 5.0, "def": 15.0}
SLICE = {"async": 2000, "def": 500}
"""Requests a slice: a quarter of a second or less."""
SETS = 3
"""Fresh interpreters so often: how a process happens to lie in memory is worth a few percent."""

Round = dict[str, float]


class Subject:
    """An interpreter with the app in one configuration; it serves a slice when it is told to."""

    def __init__(self, name: str, kind: str, folder: Path) -> None:
        self.name, self._kind, self._folder = name, kind, folder
        env = {**os.environ, "PYTHONHASHSEED": "0"}
        env.pop("THREADSCOPE_DIR", None)
        if name in OURS:
            env = probe_environment(folder, env)
        if name == PURE:
            env[PURE_VARIABLE] = "1"
        script = Path(__file__).parent / "common" / "in_process.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script), name, kind],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.served = 0
        self.slice(SLICE[kind] // 2)  # warm
        if name == DORMANT:
            self._ring().beat(1)
        self._seen_warm = self.seen()

    def slice(self, requests: int) -> tuple[float, float]:
        """Serves so many requests; CPU and wall time of one, us.

        Raises:
            Broken: the interpreter ended.
        """
        pipe = self._process
        assert pipe.stdin
        assert pipe.stdout
        try:
            pipe.stdin.write(f"{requests}\n")
            pipe.stdin.flush()
        except BrokenPipeError:
            pass
        answer = pipe.stdout.readline().split()
        if len(answer) != 2:
            raise Broken(f"{self.name}: its interpreter ended with status {pipe.wait()}")
        self.served += requests
        return float(answer[0]), float(answer[1])

    def _ring(self) -> RingReader:
        return RingReader(next(self._folder.glob("server-*.ring")))

    def seen(self) -> int:
        """Requests that the probe has counted."""
        if self.name not in OURS:
            return 0
        ring = self._ring()
        try:
            if ring.header()[L.W_ERRORS]:
                raise Broken(f"the probe counted {ring.header()[L.W_ERRORS]} errors of its own")
            return sum(cell.ended for cell in ring.cells())
        finally:
            ring.close()

    def check(self) -> None:
        """A probe that sees nothing costs nothing: it must have seen all, or, asleep, none.

        Raises:
            Broken: it was not so.
        """
        counted = {PROBE: self.served, PURE: self.served, DORMANT: self._seen_warm}
        expected = counted.get(self.name, 0)
        if self.seen() != expected:
            raise Broken(f"{self.name}: the probe saw {self.seen()} requests, not {expected}")

    def close(self) -> None:
        """Ends the interpreter."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()


def configurations() -> tuple[list[str], list[str]]:
    """What can be measured here, and what is missing, in words."""
    ours = OURS if compiled.load() else (PROBE, DORMANT)
    present = [PLAIN, *ours, *(peer for peer in PEERS if installed(peer))]
    missing = [
        f"missing here: {peer} (pip install 'threadscope[bench]')"
        for peer in PEERS
        if peer not in present
    ]
    return present, missing


@contextmanager
def subjects(names: list[str], kind: str) -> Iterator[dict[str, Subject]]:
    """A fresh interpreter for each configuration."""
    with ExitStack() as stack:
        out = {}
        for name in names:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ring_place())))
            out[name] = Subject(name, kind, folder)
            stack.callback(out[name].close)
        yield out


def measure(names: list[str], kind: str, rounds: int, requests: int) -> tuple[list[Round], Round]:
    """CPU time of each round, and the median wall time, us a request."""
    cpu: list[Round] = []
    wall: list[Round] = []
    sets = min(SETS, rounds)
    for number in range(sets):
        with subjects(names, kind) as known:
            for order in turns(names, len(range(number, rounds, sets))):
                results = {name: known[name].slice(requests) for name in order}
                cpu.append({name: results[name][0] for name in names})
                wall.append({name: results[name][1] for name in names})
            for subject in known.values():
                subject.check()
    return cpu, {name: median(wall, name) for name in names}


def added(rounds: list[Round], name: str) -> float:
    """What a configuration adds to a request: the median over the rounds."""
    return paired(rounds, name, PLAIN, lambda one, base: one - base)


def best(rounds: list[Round], name: str) -> float:
    """Its best slice."""
    return min(measured[name] for measured in rounds)


def rows(rounds: list[Round], wall: Round) -> list[list[str]]:
    """A row for each configuration."""
    ours = added(rounds, PROBE)
    out = []
    for name in rounds[0]:
        row = [name, f"{median(rounds, name):.1f}", f"{best(rounds, name):.1f}"]
        row.append(f"{wall[name]:.1f}")
        if name == PLAIN:
            out.append([*row, "", "", ""])
            continue
        more = added(rounds, name)
        ratio = f"{more / ours:.1f} x" if ours > 0 else "-"
        least = best(rounds, name) - best(rounds, PLAIN)
        out.append([*row, f"{more:+.2f}", f"{least:+.2f}", ratio])
    return out


HEAD = ("us a request", "median", "best", "wall", "added", "best added", "of ours")


def report(results: Results, kind: str, rounds: list[Round], wall: Round) -> Budget:
    """Shows the table of one kind of endpoint; its budget."""
    results.show(f"{KINDS[kind]}: {len(rounds)} paired rounds", HEAD, rows(rounds, wall))
    what = f"added to a request of `{KINDS[kind]}`"
    beside = {peer: added(rounds, peer) for peer in PEERS if peer in rounds[0]}
    return Budget(what, added(rounds, PROBE), LIMITS_US[kind], " us", beside)


def main() -> int:
    """Measures both kinds of endpoint; the exit status."""
    arguments = parser(__doc__ or "", 45)
    arguments.add_argument("--kind", choices=[*KINDS, "both"], default="both")
    options = arguments.parse_args()
    rounds = 3 if options.quick else options.rounds
    names, missing = configurations()
    packages = ("threadscope", "fastapi", "starlette", "uvicorn", "uvloop", *PEERS)
    results = Results(options, *packages)
    for one in missing:
        results.say(one)
    results.say("the probe is compiled" if compiled.load() else "the probe is Python only")
    if hasattr(os, "sched_setaffinity"):
        cpu = max(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpu})  # inherited by the interpreters
        results.say(f"all pinned to CPU {cpu}")
    kinds = list(KINDS) if options.kind == "both" else [options.kind]
    try:
        budgets = [
            report(
                results,
                kind,
                *measure(names, kind, rounds, SLICE[kind] // (4 if options.quick else 1)),
            )
            for kind in kinds
        ]
    except Broken as error:
        return results.fail(error)
    return results.judge(budgets)


if __name__ == "__main__":
    sys.exit(main())

"""Runs every demo, and two apps with middleware, and holds the findings against the table.

    python benchmarks/lints_live.py              every variant for 3 s
    python benchmarks/lints_live.py --hog        with something else that computes beside it
    python benchmarks/lints_live.py --only cpu   some of them
    python benchmarks/lints_live.py --save       and keeps the observations for the tests

Exits with 1 when a lint fired that must not, or did not fire and must. On a host that is busy with
other work a phase has too few requests for some lints: where one is missing and the server's
threads had no core (`core-starved`), the variant is measured once more, and that counts. There is
no second chance for a lint that must not fire.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.lints.expected import EXPECTED  # noqa: E402  # not installed: found beside us
from tests.lints.saved import save  # noqa: E402
from threadscope.asking import Options  # noqa: E402
from threadscope.demo import demo_session  # noqa: E402
from threadscope.lints.judge import Lints  # noqa: E402
from threadscope.model.observation import Observation  # noqa: E402
from threadscope.model.snapshot import Finding, PhaseSummary, Variant  # noqa: E402
from threadscope.targets.demo_list import DEMOS, Demo, DemoVariant  # noqa: E402

APPS = ROOT / "tests" / "lints" / "apps"
CLIENTS = {"loop": 20, "workers": 20}
"""Fewer than the demo has: its requests would not come round in a short run."""
MIDDLEWARE = Demo(
    name="middleware",
    summary="below BaseHTTPMiddleware",
    app="middleware:app",
    variants=tuple(
        DemoVariant(Variant(key, key), f"/middleware/{key}", f"/middleware/{key}")
        for key in ("cpu", "hello")
    ),
    clients=4,
)


class Keeper(Lints):
    """Judges, and keeps what it judged."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Observation] = []

    def phase(self, observation: Observation) -> tuple[Finding, ...]:
        """What was wrong in a measurement."""
        self.seen.append(observation)
        return super().phase(observation)


class Outcome(NamedTuple):
    """What came of one variant."""

    key: str
    bad: int
    """Lints that fired and must not."""
    missing: int
    """Lints that must fire and did not."""
    starved: bool
    """The host had no core for the server."""


def run(
    demo: Demo, seconds: float, keys: Sequence[str] = (), *, keep: bool, hog: bool
) -> list[Outcome]:
    """Plays a demo, or some of its variants."""
    options = Options(clients=CLIENTS.get(demo.name, demo.clients), seconds=seconds)
    session = demo_session(demo, options)
    session.judge = keeper = Keeper()
    outcomes = []
    try:
        session.start()
        session.play(keys or [v.key for v in session.variants], seconds=seconds)
        while not session.over:
            time.sleep(0.1)
        session.finish()
        for summary, seen in zip(session.finished, keeper.seen, strict=True):
            name = f"{demo.name}-{summary.variant.key}"
            outcomes.append(held_against_the_table(name, summary))
            if keep:
                about = {
                    "python": session.target.python,
                    "host": platform.platform(),
                    "cpus": str(seen.cpus),
                    "beside": "a busy process" if hog else "nothing",
                }
                save(name + ("-hog" if hog else ""), seen, about)
    finally:
        session.close()
    return outcomes


def held_against_the_table(name: str, summary: PhaseSummary) -> Outcome:
    """Says what fired, and what is wrong with that."""
    expected, found = EXPECTED[name], {finding.lint for finding in summary.findings}
    bad, missing = expected.wrong(found), expected.missing(found)
    starved = "core-starved" in found
    verdict = "WRONG" if bad or (missing and not starved) else "busy" if missing else "ok"
    print(f"{verdict:<6} {name:<18} {' '.join(sorted(found)) or '-'}")
    for what, names in (("fired", bad), ("missing", missing)):
        if names:
            print(f"       {what}: {' '.join(sorted(names))}")
    for finding in summary.findings:
        print(f"         {finding.lint}: {finding.message}", flush=True)
    return Outcome(summary.variant.key, len(bad), len(missing), starved)


def wrong_of(demo: Demo, seconds: float, *, keep: bool, hog: bool) -> int:
    """How many lints were wrong; what a busy host may have hidden is measured again."""
    outcomes = run(demo, seconds, keep=keep, hog=hog)
    wrong = sum(one.bad for one in outcomes)
    again = [one.key for one in outcomes if one.missing and one.starved]
    wrong += sum(one.missing for one in outcomes if one.key not in again)
    if again:
        print(f"       busy host: once more, {demo.name} {' '.join(again)}")
        outcomes = run(demo, seconds, again, keep=keep, hog=hog)
        wrong += sum(one.bad + one.missing for one in outcomes)
    return wrong


def main() -> int:
    """All of it, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", help="names of demos")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--hog", action="store_true")
    parser.add_argument("--save", action="store_true")
    args = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(APPS), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    demos = {name.rpartition("-")[0] for name in EXPECTED}
    every = [demo for demo in (*DEMOS.values(), MIDDLEWARE) if demo.name in demos]
    burn = [sys.executable, "-c", "while True: pass"]
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    if load > cores / 2:
        print(f"busy host: a load average of {load:.1f} on {cores} cores before anything began")
    hog = subprocess.Popen(burn) if args.hog else None
    try:
        wrong = 0
        for demo in every:
            if not args.only or demo.name in args.only:
                wrong += wrong_of(demo, args.seconds, keep=args.save, hog=args.hog)
    finally:
        if hog is not None:
            hog.kill()
            hog.wait()
    print(f"{wrong} wrong" if wrong else "all as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

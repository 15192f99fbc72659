"""Runs the benchmarks, and writes docs/performance.md and README.md's table from their figures.

    python scripts/performance.py                  all of them, some 25 minutes
    python scripts/performance.py --quick          few short rounds: does it work? The page of it
                                                   and the figures go into build/performance
    python scripts/performance.py --only startup   some of them; the others' figures stay
    python scripts/performance.py --again          none: the page from benchmarks/results/*.json

One that fails does not stop the others, and the page says so. Not among them are soak.py, which
takes an hour (its --json file belongs into benchmarks/results as well), and lints_live.py, which
measures no cost.

Exits with 1 when a script failed or a budget was not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from performance_page import page
from readme_costs import costs, in_place

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
RESULTS, PAGE = BENCHMARKS / "results", ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
QUICK = ROOT / "build" / "performance"
ORDER = (
    "probe_cost", "observer_effect", "monitor_cost", "monitor_scale", "scale", "sampler_cost",
    "startup", "load_fidelity", "recording_cost", "top_agrees",
)  # fmt: skip
APART = ("soak", "lints_live")
LIMIT_S = 900.0
"""No script takes so long, unless it hangs."""


def scripts() -> list[str]:
    """The names of the benchmarks, in the page's order; what the order does not know comes last."""
    there = {path.stem for path in BENCHMARKS.glob("*.py")} - {*APART}
    return [name for name in ORDER if name in there] + sorted(there - {*ORDER})


def run(name: str, file: Path, *, quick: bool) -> int:
    """Runs one; its exit status. Whatever happens, the file says what came of it."""
    file.unlink(missing_ok=True)
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), "--json", str(file)]
    command += ["--quick"] if quick else []
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            status = process.wait(LIMIT_S)
            why = f"it ended with status {status} and wrote nothing"
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # and the servers that it started
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            status, why = 1, f"it was still running after {LIMIT_S:.0f} s"
    if file.exists():
        if "script" in json.loads(file.read_text()):
            return status
        why = "what it wrote is not of the form of benchmarks/common/results.py"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    file.write_text(json.dumps({"script": name, "date": now, "error": why}, indent=1) + "\n")
    return status or 1


def measure(names: list[str], folder: Path, *, quick: bool) -> list[str]:
    """Runs them one after the other; a line for each that failed or missed a budget."""
    bad = []
    for name in names:
        print(f"\n== {name}", flush=True)
        begin = time.monotonic()
        status = run(name, folder / f"{name}.json", quick=quick)
        print(f"-- {name}: {time.monotonic() - begin:.0f} s, exit status {status}", flush=True)
        if status:
            bad.append(f"{name} ended with status {status}")
    return bad


def write(folder: Path, document: Path) -> None:
    """The page, from the files in a folder."""
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    order = [*(name for name in scripts() if name in found), *(x for x in APART if x in found)]
    document.write_text("\n".join(page([found[name] for name in order], BENCHMARKS)) + "\n")
    print(f"\n{document}")


def write_costs(folder: Path, readme: Path) -> None:
    """The table in the README, from the same files."""
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    readme.write_text(in_place(readme.read_text(), costs(found)))


def main(arguments: list[str]) -> int:
    """Measures and writes; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few short rounds, kept apart")
    parser.add_argument("--again", action="store_true", help="only write the page")
    parser.add_argument("--only", nargs="+", choices=scripts(), default=None, metavar="SCRIPT")
    options = parser.parse_args(arguments)
    folder, document = (QUICK, QUICK / PAGE.name) if options.quick else (RESULTS, PAGE)
    folder.mkdir(parents=True, exist_ok=True)
    names = [] if options.again else options.only or scripts()
    bad = measure(names, folder, quick=options.quick)
    write(folder, document)
    if not options.quick:
        write_costs(folder, README)
    print("\n".join(bad))
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

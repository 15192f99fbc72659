"""Writes docs/experiments.md from measurements: what the articles saw, and what is seen here.

    python scripts/experiments.py             runs `threadscope compare --all`, some ten minutes
    python scripts/experiments.py all.json    takes its JSON report of a run on this machine
    python scripts/experiments.py --again     writes the document again from docs/experiments.json

What was measured is kept in docs/experiments.json, as far as the document needs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from experiments_text import EXPERIMENTS, LESSONS, OUTRO, Experiment

DOCS = Path(__file__).parent.parent / "docs"
DATA, DOCUMENT = DOCS / "experiments.json", DOCS / "experiments.md"
PACKAGES = ("fastapi", "starlette", "anyio", "uvicorn", "uvloop")

Phase = dict[str, Any]
Phases = list[Phase]


def main(arguments: list[str]) -> None:
    """The document, and the data that it is made of."""
    if arguments != ["--again"]:
        text = Path(arguments[0]).read_text() if arguments else measured()
        DATA.write_text(json.dumps(slim(json.loads(text)), indent=1) + "\n")
    DOCUMENT.write_text("\n".join(document(json.loads(DATA.read_text()))) + "\n")
    print(DOCUMENT)


def measured() -> str:
    """A run of all demos; how far it is, is said on standard error."""
    command = [sys.executable, "-m", "threadscope", "compare", "--all", "--json"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def slim(report: dict[str, Any]) -> dict[str, Any]:
    """The report without what the document does not need, and with what it needs besides."""
    kept = ("demo", "variant", "round", "duration_s", "requests", "latency_ms", "beside", "load")
    phases = []
    for phase in report["phases"]:
        server = {k: v for k, v in phase["server"].items() if k not in ("threads", "evidence")}
        for process in server["processes"]:
            process.pop("loop_lag_ms"), process.pop("gil_lag_ms")
        burst = phase["burst"]
        if burst:
            names = {thread["name"] for thread in burst["threads"]}
            burst = {**burst, "threads": len(burst["threads"]), "names": sorted(names)}
        phases.append({**{key: phase[key] for key in kept}, "server": server, "burst": burst})
    about = {
        "date": date.today().isoformat(),
        "cpu": cpu_name(),
        "load_average": round(os.getloadavg()[1], 1),
        "packages": {name: version(name) for name in PACKAGES},
    }
    host = {key: report[key] for key in ("threadscope", "host")}
    return {"about": {**about, **host}, "phases": phases, "comparisons": report["comparisons"]}


def cpu_name() -> str:
    """The processor's model, as far as the kernel says it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "CPU")


# -- the document ------------------------------------------------------------------------------
def document(data: dict[str, Any]) -> list[str]:
    """Its lines."""
    lines = ["# The experiments", "", *intro(data["about"])]
    for one in EXPERIMENTS:
        phases = [phase for phase in data["phases"] if phase["demo"] == one.demo]
        if phases:
            lines += ["", *section(one, phases, data["comparisons"])]
    lines += ["", "## What the articles got wrong or left out", ""]
    for claim, shown in LESSONS:
        lines += [f"- **{claim}** {shown(by_variant(data['phases']), data['about'])}"]
    return [*lines, "", *OUTRO]


def intro(about: dict[str, Any]) -> list[str]:
    """Where, with what and when."""
    host, packages = about["host"], ", ".join(f"{k} {v}" for k, v in about["packages"].items())
    return [
        "Three articles asked when `async def` is better than `def` in FastAPI, with `ab`, print",
        "lines, `top -H` and a stopwatch. Here each of their experiments is one command, with what",
        "they saw, what was seen on one machine, and why. So are those that they left out.",
        "",
        "**Yours will differ.** `make experiments` measures again and writes this page anew:",
        "no figure in it was typed. These come from",
        "",
        f"- {about['cpu']}, {host['cpus']} cores, {host['platform']}; the load average was"
        f" {about['load_average']} (above {host['cpus']}, others were using the cores)",
        f"- CPython {host['python']}, {packages}, threadscope {about['threadscope']}",
        f"- {about['date']}",
        "",
        "Each number is the median of the rounds. A ratio is the median of the rounds' ratios,",
        "with the least and the greatest; where the rounds of two variants overlap there is",
        "no clear difference.",
    ]


def section(one: Experiment, phases: Phases, comparisons: list[dict[str, Any]]) -> list[str]:
    """One demo."""
    ratios = [ratio for ratio in comparisons if ratio["demo"] == one.demo and told(ratio)]
    return [
        f"## {one.title}",
        "",
        f"`threadscope demo {one.demo}`. {one.question}",
        "",
        f"*The article:* {one.article}" if one.article else "*The articles left it out.*",
        "",
        *(bursts(phases) if phases[0]["burst"] else figures(phases)),
        "",
        *(f"- {sentence(ratio)}" for ratio in ratios),
        "",
        *one.why,
    ]


def told(ratio: dict[str, Any]) -> bool:
    """Whether a ratio is one of those that an experiment is about."""
    metric = str(ratio["metric"])
    first = "total_s" if ratio["burst"] else "per_second"
    return metric == first or metric.startswith("p50_ms /")


def sentence(ratio: dict[str, Any]) -> str:
    """`def: 0.44 times the requests a second of async (0.42 to 0.46).`."""
    name = ratio["metric"]
    what = {"per_second": "requests a second", "total_s": "total time"}.get(
        name, f"median latency of `{name.removeprefix('p50_ms ')}`"
    )
    size = f"{ratio['burst']} at once: " if ratio["burst"] else ""
    verdict = ": no clear difference" if ratio["verdict"] == "no clear difference" else ""
    times, least, greatest = (quotient(ratio[key]) for key in ("median", "min", "max"))
    spread = f"({least} to {greatest})"
    return (
        f"{size}`{ratio['against']}` has {times} times the {what} of"
        f" `{ratio['base']}` {spread}{verdict}."
    )


def quotient(value: float) -> str:
    """Two digits behind the point, or more where these would be zeros."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def by_variant(phases: Phases) -> dict[tuple[str, str, int | None], Phases]:
    """The rounds of each demo, variant and size of burst."""
    found: dict[tuple[str, str, int | None], Phases] = {}
    for phase in sorted(phases, key=lambda phase: phase["round"]):
        burst = phase["burst"]["n"] if phase["burst"] else None
        found.setdefault((phase["demo"], phase["variant"], burst), []).append(phase)
    return found


def middle(rounds: Phases, *path: str | int) -> float | None:
    """The median of a number of the phases, where it is known."""
    known = []
    for phase in rounds:
        value: Any = phase
        for key in path:
            value = value[key] if value is not None else None
        if value is not None:
            known.append(value)
    return median(known) if known else None


def number(value: float | None, digits: int | None = None, unit: str = "") -> str:
    """Three digits that count, or so many behind the point."""
    if value is None:
        return "-"
    if digits is None:
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}{unit}"


def table(rows: list[list[str]]) -> list[str]:
    """Markdown; the first row is the head."""
    head, *rest = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *rest)]


def figures(phases: Phases) -> list[str]:
    """A row a number, a column a variant."""
    columns = {key[1]: rounds for key, rounds in by_variant(phases).items()}
    lights = [light["route"] for light in phases[0]["beside"]]

    def row(title: str, *path: str | int, digits: int | None = None, unit: str = "") -> list[str]:
        return [title, *(number(middle(r, *path), digits, unit) for r in columns.values())]

    rows = [
        ["", *(f"`{key}`" for key in columns)],
        row("requests a second", "requests", "per_second"),
        row("median latency", "latency_ms", "p50", unit=" ms"),
    ]
    for i, route in enumerate(lights):
        rows.append(row(f"`{route}`, median", "beside", i, "latency_ms", "p50", unit=" ms"))
    rows += [
        row("open, on average", "server", "open_mean", digits=1),
        row("in threads, at most", "server", "in_threads_max", digits=0),
        row("cores used", "server", "cores_used", digits=2),
        row("CPU a request", "server", "cpu_ms_per_request", unit=" ms"),
        row("switches a request", "server", "switches_per_request", digits=1),
        row("the load's own CPU", "load", "generator_cpu_percent", digits=0, unit=" %"),
        ["behaviour", *(words(rounds) for rounds in columns.values())],
    ]
    return table(rows)


def words(rounds: Phases) -> str:
    """The word of each round, or the one of all."""
    found = [phase["server"]["behaviour"].upper() for phase in rounds]
    return found[0] if len(set(found)) == 1 else ", ".join(found)


def bursts(phases: Phases) -> list[str]:
    """The article's table: seconds until the last of so many was answered."""
    found = by_variant(phases)
    sizes = sorted({size for _, _, size in found if size})
    keys = list(dict.fromkeys(variant for _, variant, _ in found))

    def row(
        title: str, demo: str, *path: str, digits: int = 2, unit: str = " s"
    ) -> list[list[str]]:
        return [
            [title.format(key), *(number(middle(found[demo, key, n], *path), digits, unit)
                                  for n in sizes)]
            for key in keys
        ]  # fmt: skip

    demo = phases[0]["demo"]
    rows = [["", *(f"{n} at once" for n in sizes)]]
    rows += row("`{}`, seconds", demo, "burst", "total_s")
    rows += row("`{}`, threads that answered", demo, "burst", "threads", digits=0, unit="")
    waiting = [["`def`, waited for a token", *(most(found[demo, "def", n]) for n in sizes)]]
    return table([*rows, *waiting])


def most(rounds: Phases) -> str:
    """Requests that waited for a token, at most, of all that were lent."""
    limiters = [
        limiter
        for phase in rounds
        for process in phase["server"]["processes"]
        for limiter in process["limiters"]
    ]
    waiting = max((limiter["waiting_max"] for limiter in limiters), default=0)
    tokens = max((limiter["total_tokens"] for limiter in limiters), default=0)
    return f"{waiting} ({tokens} tokens)"


if __name__ == "__main__":
    main(sys.argv[1:])

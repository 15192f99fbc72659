"""docs/performance.md, from the JSON files that the benchmarks write."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Result = dict[str, Any]

INTRO = """\
What threadscope costs, beside what others cost, and how exact it is. Scripts in `benchmarks/`
measure it; `make bench` runs them, but for the hour of `soak.py`, and writes this page anew: no
figure in it was typed.

Each figure is the median of its rounds. What is compared took turns, a round each, and the figure
is the median of the rounds' differences or ratios: what else the machine did befell both.
Where a script does otherwise, it says so."""
NOTHING = "Nothing was measured yet: `make bench` does that, on a machine that does nothing else."


def page(results: list[Result], benchmarks: Path) -> list[str]:
    """The lines of the page.

    Args:
        results: one a script, in their order.
        benchmarks: the folder of the scripts: what is measured is said in their docstrings.
    """
    measured = [one for one in results if not one["error"]]
    lines = ["# Performance", "", INTRO, ""]
    if not measured:
        return [*lines, NOTHING]
    lines += [*hosts(measured), "", "## Budgets", "", *budgets(measured), ""]
    for one in measured:
        lines += [*section(one, benchmarks), ""]
    if failed := [one for one in results if one["error"]]:
        lines += ["## Not measured", ""]
        lines += [f"- `{one['script']}.py`, {day(one)}: {one['error']}" for one in failed] + [""]
    return lines[:-1]


def day(one: Result) -> str:
    """When it was measured: `2026-11-22`."""
    return str(one["date"])[:10]


# -- where and when ----------------------------------------------------------------------------
def hosts(results: list[Result]) -> list[str]:
    """Where, with what and when; once for all that have it in common."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for one in results:
        host = one["host"]
        key = (
            f"{host['cpu']}, {host['cpus']} cores, {host['platform']}",
            f"{host['python']}",
            day(one),
        )
        groups.setdefault(key, []).append(one)
    lines = []
    for (machine, python, date), group in groups.items():
        versions = {name: found for one in group for name, found in one["versions"].items()}
        names = ", ".join(f"{name} {found}" for name, found in sorted(versions.items()))
        who = "" if len(groups) == 1 else ": " + ", ".join(f"`{one['script']}`" for one in group)
        lines += [f"- {date}, {machine}{who}", f"- {python}, {names}"]
    busy = [f"`{one['script']}.py`" for one in results if one["host"]["beside"]]
    if busy:
        lines.append(f"- the machine was busy with other things when {listed(busy)} began")
    if any(one["quick"] for one in results):
        lines.append("- **few short rounds (`--quick`): no figures to quote**")
    return lines


def listed(names: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])


# -- budgets -----------------------------------------------------------------------------------
def budgets(results: list[Result]) -> list[str]:
    """What was promised, and what came of it."""
    rows = [
        [
            one["what"],
            f"≤ {one['limit']:g}{written(one['unit'])}",
            figure if one["held"] else f"**{figure}**",
            ", ".join(f"{k} {number(v, one['unit'])}" for k, v in one["beside"].items()),
            f"`{result['script']}.py`",
        ]
        for result in results
        for one in result["budgets"]
        for figure in (number(one["measured"], one["unit"]),)
    ]
    missed = sum(not one["held"] for result in results for one in result["budgets"])
    count = f"{len(rows) - missed} of {len(rows)} are kept"
    lines = table([["what", "budget", "measured", "beside it", "by"], *rows], texts=(0, 3, 4))
    return [f"{count}{'; those in bold are not' if missed else ''}.", "", *lines]


def number(value: float, unit: str) -> str:
    """With as many digits as it deserves: a ratio of 1.051 must not look like 1.05."""
    if value == int(value):
        return f"{value:,.0f}{written(unit)}"
    return f"{value:.{3 if not unit else 2 if abs(value) < 10 else 1}f}{written(unit)}"


def written(unit: str) -> str:
    """The unit as it is written in documents."""
    return unit.replace(" us", " µs")


# -- one script --------------------------------------------------------------------------------
def section(one: Result, benchmarks: Path) -> list[str]:
    """What it measures, in the words of its docstring, and what came of it."""
    question, *text = told(benchmarks / f"{one['script']}.py")
    lines = [f"## {question}", "", f"`python benchmarks/{one['script']}.py`"]
    for paragraph in text:
        lines += ["", paragraph]
    for found in one["tables"]:
        rows = [[row[name] for name in found["head"]] for row in found["rows"]]
        lines += ["", f"{found['title']}:", "", *table([found["head"], *rows])]
    return [*lines, *([""] if one["notes"] else []), *(f"- {note}" for note in one["notes"])]


def told(script: Path) -> list[str]:
    """The paragraphs of its docstring, but for how it is called and how it ends."""
    text = ast.get_docstring(ast.parse(script.read_text())) or script.stem
    return [x for x in text.split("\n\n") if not x.startswith(("    ", "Exits with "))]


def table(rows: list[list[str]], texts: Sequence[int] = (0,)) -> list[str]:
    """As Markdown; these columns to the left, as they are no numbers."""
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rule = ["---" if column in texts else "---:" for column in range(len(head))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *body)]

"""The table of costs in README.md, from the JSON files that the benchmarks write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from performance_page import day, listed, number, table

BEGIN, END = "<!-- costs: written by scripts/performance.py -->", "<!-- end of costs -->"
ROWS = (
    ("added to a trivial request, in process: `async def`, `def`", "probe_cost",
     ("added to a request of `async def`", "added to a request of `def`")),
    ("a busy server's CPU a request, watched ÷ unwatched", "observer_effect",
     ("server's CPU a request, watched / unwatched",)),
    ("the monitor's CPU, screen included, of one core; `demo cpu` as `async def`, `def`",
     "monitor_cost", ("the monitor's CPU, --mode async", "the monitor's CPU, --mode def")),
    ("its memory then", "monitor_cost",
     ("the monitor's memory, RSS, --mode async", "the monitor's memory, RSS, --mode def")),
    ("`threadscope demo cpu` to its first request on the screen", "startup",
     ("`demo cpu` to its first request",)),
    ("a thread's CPU, by threadscope and by `top -H`: apart", "top_agrees",
     ("a thread's CPU, threadscope and top -H apart",)),
)  # fmt: skip
"""What stands in a row, the script that measured it, and the names of its budgets there."""


def costs(results: Mapping[str, dict[str, Any]]) -> list[str]:
    """Where it was measured, and the table.

    Args:
        results: of the scripts, by their names; what was not measured has no row.
    """
    there = {name: one for name, one in results.items() if not one["error"]}
    measured = [
        (what, there[name], names) for what, name, names in ROWS
        if name in there and {*names} <= {one["what"] for one in there[name]["budgets"]}
    ]  # fmt: skip
    rows = [_row(*one) for one in measured]
    head = ["", "threadscope", "budget", "beside it"]
    where = list(dict.fromkeys(_host(result) for _, result, _ in measured))
    return [*where, "", *table([head, *rows], texts=(0, 1, 2, 3))]


def in_place(readme: str, lines: list[str]) -> str:
    """The text with other lines between the two marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md needs {BEGIN} and {END}")
    return before + "\n".join([BEGIN, *lines, END]) + after


def _host(one: dict[str, Any]) -> str:
    host = one["host"]
    machine = f"{host['cpu']}, {host['cpus']} cores, {host['platform'].partition('-with')[0]}"
    return f"{day(one)}, {machine}, {host['python']}."


def _row(what: str, result: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    found = {one["what"]: one for one in result["budgets"]}
    budgets = [found[name] for name in names]
    unit = budgets[0]["unit"]
    peers = {name: [one["beside"][name] for one in budgets] for name in budgets[0]["beside"]}
    limits = dict.fromkeys(f"≤ {number(one['limit'], unit)}" for one in budgets)
    return [
        what,
        listed([number(one["measured"], unit) for one in budgets]),
        listed(list(limits)),
        "; ".join(f"{k} {listed([number(x, unit) for x in v])}" for k, v in peers.items()),
    ]

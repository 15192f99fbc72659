"""How long does one wait for it? For the list of commands, and for the first request on screen.

    python benchmarks/startup.py

`threadscope --help` is run in turns with an interpreter that does nothing, which is what starting
any Python program takes. Then `threadscope demo cpu` is started on a terminal of 120 x 36, again
and again, until the first line of a request's start is written to that terminal: server, load and
screen have been started by then, and the server was asked.

Exits with 1 when the median of `--help` is above 0.2 s, or that of the demo above 3 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from common.results import Broken, Results
from common.servers import COLUMNS, LINES, Terminal
from common.table import Budget, median, paired, parser, turns

HELP, EMPTY = "threadscope --help", "python -c pass"
HELP_S, DEMO_S = 0.2, 3.0
PATIENCE_S = 30.0
START = "▶"
"""In the request log, when a request's own code starts."""

Round = dict[str, float]


def program() -> list[str]:
    """The command as it is installed, else the module."""
    beside = Path(sys.executable).with_name("threadscope")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "threadscope"]


def took(command: list[str]) -> float:
    """Seconds until it has ended.

    Raises:
        Broken: it failed.
    """
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise Broken(f"{' '.join(command)} ended with status {done.returncode}")
    return time.monotonic() - begin


def helps(rounds: int) -> list[Round]:
    """Both commands in each round."""
    commands = {HELP: [*program(), "--help"], EMPTY: [sys.executable, "-c", "pass"]}
    for command in commands.values():
        took(command)  # from the disk
    return [
        {name: took(commands[name]) for name in order} for order in turns(list(commands), rounds)
    ]


def first_request() -> float:
    """Seconds from the command to the first request on its screen.

    Raises:
        Broken: none came.
    """
    begin = time.monotonic()
    terminal = Terminal([*program(), "demo", "cpu"], until=START)
    try:
        if not terminal.shown.wait(PATIENCE_S):
            raise Broken(f"no request on the screen: {terminal.last_words()}")
        return time.monotonic() - begin
    finally:
        terminal.quit()


HEAD = ("seconds", "median", "least", "most")


def row(name: str, seconds: list[float]) -> list[str]:
    """One command."""
    figures = statistics.median(seconds), min(seconds), max(seconds)
    return [name, *(f"{figure:.2f}" for figure in figures)]


def main() -> int:
    """Measures both; the exit status."""
    options = parser(__doc__ or "", 15).parse_args()
    results = Results(options, "threadscope", "click", "textual", "fastapi", "uvicorn")
    rounds = 3 if options.quick else options.rounds
    demos = max(2, rounds // 3)
    try:
        found = helps(rounds)
        screens = [first_request() for _ in range(demos)]
    except (Broken, OSError) as error:
        return results.fail(error)
    rows = [row(name, [one[name] for one in found]) for name in (HELP, EMPTY)]
    results.show(f"{rounds} rounds in turns", HEAD, rows)
    more = 1000 * paired(found, HELP, EMPTY, lambda one, base: one - base)
    results.say(f"`--help` takes {more:.0f} ms more than an interpreter that does nothing")
    title = f"first request on a screen of {COLUMNS} x {LINES}: {demos} starts"
    results.show(title, HEAD, [row("threadscope demo cpu", screens)])
    return results.judge(
        [
            Budget(f"`{HELP}`", median(found, HELP), HELP_S, " s", {EMPTY: median(found, EMPTY)}),
            Budget("`demo cpu` to its first request", statistics.median(screens), DEMO_S, " s"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

"""The command line. Each command imports what it needs when it runs: `--help` stays quick."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any

import click

import threadscope

if TYPE_CHECKING:
    from threadscope.targets.demos import Demo

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
MODES = ("async", "def", "tour")


class Duration(click.ParamType[float]):
    """`5`, `5s`, `500ms`, `2m`: a time in seconds."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:  # noqa: ANN401  # click's own types
        """Reads a duration."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", str(value).strip())
        seconds = float(found[1]) * UNITS[found[2]] if found else math.nan
        if not 0 < seconds <= 86_400:
            self.fail(f"{value!r} is no time: say 5s, 500ms or 2m", param, ctx)
        return seconds


class Count(click.ParamType[int]):
    """`100`, `10k`, `1m`: a whole number."""

    name = "number"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401  # click's own types
        """Reads a count."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+)([km]?)", str(value).strip().lower())
        count = int(found[1]) * {"": 1, "k": 1000, "m": 1_000_000}[found[2]] if found else 0
        if not 1 <= count <= self.most:
            self.fail(f"{value!r} is not a whole number from 1 to {self.most:,}", param, ctx)
        return count


@click.group(context_settings=CONTEXT)
@click.version_option(threadscope.__version__, "-V", "--version", prog_name="threadscope")
def main() -> None:
    """Shows live what the threads of a Python ASGI server do with its requests.

    Start here: threadscope demo cpu
    """


@main.command(
    epilog="""\b
Examples:
  threadscope demo cpu                         a tour: async def, def, then both compared
  threadscope demo cpu --mode def -c 8         eight clients on the def endpoint, until you quit
  threadscope demo cpu --no-tui -z 5s          the same as plain lines
  threadscope demo cpu --json -z 5s > cpu.json a report for programs
"""
)
@click.argument("name", required=False)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="tour",
    show_default=True,
    help="Which endpoint to ask: one of the two, or one after the other.",
)
@click.option("-c", "--concurrency", type=Count(10_000), help="Clients that ask again at once.")
@click.option(
    "-z", "--duration", type=Duration(), help="Length of each measurement  [default: 10s in a tour]"
)
@click.option(
    "-n", "--requests", type=Count(10**9), help="End a measurement after so many requests."
)
@click.option(
    "-t",
    "--timeout",
    type=Duration(),
    default=30.0,
    metavar="TIME",
    help="Longest wait for an answer  [default: 30s]",
)
@click.option(
    "--work", type=Count(10**12), help="Additions a request, instead of about 300 ms of them."
)
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="Port of the server  [default: a free one]"
)
@click.option("--no-tui", is_flag=True, help="Plain lines instead of the screen.")
@click.option("--json", "as_json", is_flag=True, help="Only a JSON report on standard output.")
def demo(name: str | None, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Run a demo server under load and watch it.

    Without a NAME, lists the demos.
    """
    from threadscope.targets.demos import DEMOS

    if name is None:
        for one in DEMOS.values():
            click.echo(f"{one.name:<10} {one.summary}")
        return
    if name not in DEMOS:
        known = "\n".join(f"  {one.name:<10} {one.summary}" for one in DEMOS.values())
        click.echo(f"Error: there is no demo {name!r}. The demos are:\n{known}", err=True)
        sys.exit(2)
    sys.exit(_run_demo(DEMOS[name], options))


def _run_demo(demo: Demo, options: dict[str, Any]) -> int:
    from threadscope.run import View, watch_demo
    from threadscope.session import Options

    if options["as_json"]:
        view = View.JSON
    elif options["no_tui"] or not (sys.stdout.isatty() and sys.stdin.isatty()):
        view = View.TEXT
    else:
        view = View.SCREEN
    return watch_demo(
        demo,
        Options(
            clients=options["concurrency"] or demo.clients,
            seconds=options["duration"],
            requests=options["requests"],
            work=options["work"],
            port=options["port"],
            timeout_s=options["timeout"],
        ),
        options["mode"],
        view,
    )

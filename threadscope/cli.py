"""The command line. Each command imports what it needs when it runs: `--help` stays quick."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

import threadscope
from threadscope.lint_options import known_lint, lint_options, settings_of

if TYPE_CHECKING:
    from threadscope.run import View
    from threadscope.targets.demos import Demo

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
POWERS = {"": 1, "k": 1000, "m": 1_000_000}
UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
MODES = ("async", "def", "tour")


def _time(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """`5`, `5s`, `500ms`, `2m`: a time in seconds."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", value.strip(), re.ASCII)
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= 86_400:
        raise click.BadParameter(f"{value!r} is no time up to 24h: say 5s, 500ms or 2m")
    return seconds


def _whole(most: int) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """`100`, `10k`, `1m`: a whole number, at most `most`."""

    def whole(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        found = re.fullmatch(r"(\d{1,15})([km]?)", value.strip().lower(), re.ASCII)
        number = int(found[1]) * POWERS[found[2]] if found else 0
        if not 1 <= number <= most:
            raise click.BadParameter(f"{value!r} is not a whole number from 1 to {most:,}")
        return number

    return whole


@click.group(context_settings=CONTEXT)
@click.version_option(threadscope.__version__, "-V", "--version", prog_name="threadscope")
def main() -> None:
    """Shows live what the threads of a Python ASGI server do with its requests.

    Start here: threadscope demo cpu
    """


@main.command(
    epilog="""\b
Examples:
  threadscope demo cpu                          a tour: async def, then def
  threadscope demo cpu --mode def -c 8          eight clients, until you quit
  threadscope demo cpu --no-tui -z 5s           the same as plain lines
  threadscope demo cpu --json -z 5s > cpu.json  a report for programs
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
@click.option(
    "-c",
    "--concurrency",
    metavar="NUMBER",
    callback=_whole(10_000),
    help="Clients, each of which asks again when it was answered  [default: the demo's, 4]",
)
@click.option(
    "-z",
    "--duration",
    metavar="TIME",
    callback=_time,
    help="Length of each measurement, as in 500ms, 5s or 2m  [default: 10s]",
)
@click.option(
    "-n",
    "--requests",
    metavar="NUMBER",
    callback=_whole(10**9),
    help="End each measurement after so many requests.",
)
@click.option(
    "-t",
    "--timeout",
    metavar="TIME",
    callback=_time,
    default="30s",
    show_default=True,
    help="Longest wait for an answer.",
)
@click.option(
    "--work",
    metavar="NUMBER",
    callback=_whole(10**12),
    help="Additions a request  [default: what takes about 300 ms]",
)
@click.option(
    "--port",
    metavar="NUMBER",
    callback=_whole(65_535),
    help="Port of the server on 127.0.0.1  [default: a free one]",
)
@click.option("--no-tui", is_flag=True, help="Plain lines instead of the screen.")
@click.option("--json", "as_json", is_flag=True, help="Only a JSON report on standard output.")
@lint_options
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
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to put away yet: just end
    from threadscope.demo import demo_session
    from threadscope.run import watch
    from threadscope.session import Options

    session = demo_session(
        demo,
        Options(
            clients=options["concurrency"] or demo.clients,
            seconds=options["duration"],
            requests=options["requests"],
            lints=settings_of(options),
        ),
        port=options["port"],
        work=options["work"],
        timeout_s=options["timeout"],
    )
    mode = options["mode"]
    view = _view(options["as_json"], options["no_tui"])
    return watch(session, view, None if mode == "tour" else mode)


@main.command()
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """Explain a finding: what it means, why it happens, how to fix it and what that costs.

    Without a NAME, lists the lints.
    """
    from threadscope.lints.catalog import LINTS
    from threadscope.lints.explain import article, listing

    if name is None:
        click.echo("\n".join(listing()))
        return
    try:
        click.echo(article(LINTS[known_lint(name)]))
    except click.BadParameter as error:
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(2)


def _view(as_json: bool, no_tui: bool) -> View:
    from threadscope.run import View

    if as_json:
        return View.JSON
    if no_tui or not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return View.TEXT
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        click.echo(
            "This terminal (TERM=dumb) cannot show the screen: plain lines instead.", err=True
        )
        return View.TEXT
    return View.SCREEN

"""The commands for one's own server: `run`, `attach`, `dump` and `doctor`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from threadscope.cli_recording import film_options, keep_from, save_option, saving
from threadscope.lint_options import lint_options, settings_of
from threadscope.options import own_load_options
from threadscope.signals import quiet_interrupt
from threadscope.usage import complain, say

if TYPE_CHECKING:
    from threadscope.targets.target import Target

F = TypeVar("F", bound=Callable[..., Any])


def _views(command: F) -> F:
    """The ways to show an observation, and the load that may be part of it."""
    for option in (
        click.option(
            "--json", "as_json", is_flag=True, help="Only a JSON report on standard output."
        ),
        click.option("--no-tui", is_flag=True, help="Plain lines instead of the screen."),
        lint_options,
        save_option,
        film_options,
        own_load_options,
    ):
        command = option(command)
    return command


@click.command(
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS] --",
    epilog="""\b
Examples:
  threadscope run -- uvicorn main:app --port 3000
  threadscope run --url /items/1 -c 8 -- uvicorn main:app --workers 4
  threadscope run --json -z 5s --url / -- fastapi run main.py
""",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--keep", is_flag=True, help="Leave the server running at the end.")
@_views
def run(command: tuple[str, ...], keep: bool, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Run a server by any COMMAND and watch it.

    Watches the requests that come; with --url, a load of our own asks for more of them. The command
    ends with threadscope, unless --keep is given.
    """
    quiet_interrupt()
    from threadscope.targets.command import CommandTarget
    from threadscope.ways import check

    check(options)

    target = CommandTarget(command, asked=_needs_port(options), keep=keep)
    status = _watch(shlex.join(("threadscope", "run", "--", *command)), target, options)
    if target.left_behind:
        say(target.left_behind)
    sys.exit(status)


@click.command(
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  threadscope attach                    lists the servers that it finds
  threadscope attach :8000              the one on this port
  threadscope attach 4321 --url / -c 4  with a load of our own
""",
)
@click.argument("server", metavar="[PID|:PORT]", required=False)
@click.option("-p", "--pid", metavar="PID", help="The same as PID.")
@click.option(
    "--inject", is_flag=True, help="Take a probe into the running server (Python 3.14 and later)."
)
@_views
def attach(server: str | None, pid: str | None, inject: bool, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Watch a server that runs already.

    By the number of one of its processes, or by its port; without either, lists the Python servers
    of this machine. The server is left as it was.
    """
    quiet_interrupt()
    from threadscope.targets.attach import AttachTarget
    from threadscope.ways import check

    check(options)
    name = server or pid
    if name is None:
        sys.exit(_list_servers())
    sys.exit(_watch(f"threadscope attach {name}", AttachTarget(name, into=inject), options))


@click.command()
@click.argument("server", metavar="PID|:PORT")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def dump(server: str, as_json: bool) -> None:
    """Show a running server once: its threads, and what they do.

    For scripts and bug reports.
    """
    from threadscope.glance import glance
    from threadscope.report.dump import dump_document, dump_lines
    from threadscope.rings.folder import FolderError
    from threadscope.targets.errors import TargetError

    try:
        snapshot = glance(server)
    except (TargetError, FolderError) as error:
        complain(str(error))
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(dump_document(snapshot), indent=1))
    else:
        click.echo("\n".join(dump_lines(snapshot)))


@click.command()
def doctor() -> None:
    """Say what this machine allows, and what to do about it."""
    from threadscope.doctor import examine
    from threadscope.model.text import clean

    for finding in examine():
        said = clean(finding.said)  # names of folders and programs are in it
        click.echo(f"{'ok ' if finding.fine else '-- '} {finding.name:<18} {said}")
        if finding.advice:
            click.echo(f"{'':22} {finding.advice}")


def _needs_port(options: dict[str, Any]) -> bool:
    return any("://" not in url for url in options["further_urls"])


def _watch(title: str, target: Target, options: dict[str, Any]) -> int:
    from threadscope.asking import Options
    from threadscope.run import watch
    from threadscope.session import Session
    from threadscope.views import view_of
    from threadscope.ways import CLIENTS, ways

    asked = Options(
        clients=options["concurrency"] or CLIENTS,
        seconds=options["duration"],
        requests=options["requests"],
        lints=settings_of(options),
    )
    lines = options["as_json"] or options["no_tui"]
    kept = keep_from(title, options, lines=lines)
    session = Session(target, ways(options), asked, saving(kept))
    view = view_of(as_json=options["as_json"], no_tui=options["no_tui"], terminal=kept.size is None)
    return watch(session, view, keep=kept)


def _list_servers() -> int:
    from threadscope.targets.find import servers

    found = servers()
    if not found:
        complain("no Python server of yours runs here: start one by `threadscope run -- COMMAND`")
        return 1
    click.echo(f"{'PID':>8}  {'LISTENS ON':<24} {'PROBE':<6} COMMAND")
    for one in found:
        where = ", ".join(listener.label for listener in one.listeners[:2])
        click.echo(f"{one.pid:>8}  {where:<24} {'yes' if one.probed else 'no':<6} {one.command}")
    click.echo("\nWatch one: threadscope attach PID")
    return 0

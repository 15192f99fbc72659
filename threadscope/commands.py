"""The commands for one's own server: `run`, `attach`, `dump` and `doctor`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from threadscope.session import Session
    from threadscope.targets.target import Target


def _time(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    from threadscope import cli

    return cli._time(context, parameter, value)


def _whole(most: int) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    def whole(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
        from threadscope import cli

        return cli._whole(most)(context, parameter, value)

    return whole


_OPTIONS = (
    click.option(
        "--url",
        "urls",
        metavar="PATH",
        multiple=True,
        help="Ask for this path, as in /items/1, with a load of our own; may be given again.",
    ),
    click.option(
        "-c",
        "--concurrency",
        metavar="NUMBER",
        callback=_whole(10_000),
        help="Clients of the load, each of which asks again when it was answered  [default: 4]",
    ),
    click.option(
        "-z",
        "--duration",
        metavar="TIME",
        callback=_time,
        help="How long to watch or to measure, as in 500ms, 5s or 2m.",
    ),
    click.option(
        "-n",
        "--requests",
        metavar="NUMBER",
        callback=_whole(10**9),
        help="End the load after so many requests.",
    ),
    click.option(
        "-t",
        "--timeout",
        metavar="TIME",
        callback=_time,
        default="30s",
        show_default=True,
        help="Longest wait of the load for an answer.",
    ),
    click.option("--no-tui", is_flag=True, help="Plain lines instead of the screen."),
    click.option("--json", "as_json", is_flag=True, help="Only a JSON report on standard output."),
)


def _watching(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that watches."""
    for option in reversed(_OPTIONS):
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
@_watching
def run(command: tuple[str, ...], keep: bool, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Run a server by any COMMAND and watch it.

    Watches the requests that come; with --url, a load of our own asks for more of them. The command
    ends with threadscope, unless --keep is given.
    """
    _quiet_interrupt()
    from threadscope.targets.command import CommandTarget

    target = CommandTarget(command, asked=_needs_port(options), keep=keep)
    status = _watch(target, options)
    if target.left_behind:
        click.echo(target.left_behind, err=True)
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
@_watching
def attach(server: str | None, pid: str | None, inject: bool, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Watch a server that runs already.

    By the number of one of its processes, or by its port; without either, lists the Python servers
    of this machine. The server is left as it was.
    """
    _quiet_interrupt()
    from threadscope.targets.attach import AttachTarget

    name = server or pid
    if name is None:
        sys.exit(_list_servers())
    sys.exit(_watch(AttachTarget(name, into=inject), options))


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
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(dump_document(snapshot), indent=1))
    else:
        click.echo("\n".join(dump_lines(snapshot)))


@click.command()
def doctor() -> None:
    """Say what this machine allows, and what to do about what it does not."""
    from threadscope.doctor import examine

    for finding in examine():
        click.echo(f"{'ok ' if finding.fine else '-- '} {finding.name:<18} {finding.said}")
        if finding.advice:
            click.echo(f"{'':22} {finding.advice}")


def _quiet_interrupt() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to put away yet: just end


def _needs_port(options: dict[str, Any]) -> bool:
    return any(not url.startswith("http") for url in options["urls"])


def _watch(target: Target, options: dict[str, Any]) -> int:
    from threadscope import cli
    from threadscope.run import watch

    session = _session(target, options)
    return watch(session, cli._view(options["as_json"], options["no_tui"]))


def _session(target: Target, options: dict[str, Any]) -> Session:
    from threadscope.session import Options, Session
    from threadscope.ways import check_urls, ways_of

    urls = options["urls"]
    if not urls:
        for flag in ("concurrency", "requests"):
            if options[flag] is not None:
                raise click.UsageError(f"--{flag} belongs to a load: say what to ask, with --url /")
    try:
        check_urls(urls)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    asked = Options(
        clients=options["concurrency"] or 4,
        seconds=options["duration"],
        requests=options["requests"],
    )
    return Session(target, ways_of(urls, options["timeout"]), asked)


def _list_servers() -> int:
    from threadscope.targets.find import servers

    found = servers()
    if not found:
        click.echo(
            "Error: no Python server of yours runs here: start one by `threadscope run -- COMMAND`",
            err=True,
        )
        return 1
    click.echo(f"{'PID':>8}  {'LISTENS ON':<24} {'PROBE':<6} COMMAND")
    for one in found:
        where = ", ".join(listener.label for listener in one.listeners[:2])
        click.echo(f"{one.pid:>8}  {where:<24} {'yes' if one.probed else 'no':<6} {one.command}")
    click.echo("\nWatch one: threadscope attach PID")
    return 0

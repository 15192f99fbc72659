"""`threadscope check`: a server under load, and an exit status that says whether it is fine."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from threadscope.cli_recording import save_option
from threadscope.lint_options import lint_options, settings_of
from threadscope.options import seconds, whole
from threadscope.usage import complain

if TYPE_CHECKING:
    from threadscope.load.plan import LoadPlan
    from threadscope.report.check import Limits
    from threadscope.session import Session
    from threadscope.targets.target import Target

LOOK_S = 0.1
SECONDS = 5.0
LEVELS = ("info", "warning", "error", "never")
CANNOT = 2
"""Exit status when nothing could be checked."""


@click.command(
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  threadscope check -- uvicorn main:app
  threadscope check --url /items/1 --url /report -z 10s -- uvicorn main:app
  threadscope check --max-loop-hold 50ms --max-p99 200ms -- fastapi run main.py
  threadscope check --attach 4321 --url /health --json
""",
)
@click.argument("command", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--attach", metavar="PID|:PORT", help="Check a server that runs already.")
@click.option(
    "--url",
    "urls",
    metavar="PATH",
    multiple=True,
    help="Ask for this path; may be repeated: several are asked in turn  [default: /]",
)
@click.option(
    "-c",
    "--concurrency",
    metavar="NUMBER",
    callback=whole(10_000),
    default="4",
    show_default=True,
    help="Clients, each of which asks again when it was answered.",
)
@click.option(
    "-z",
    "--duration",
    metavar="TIME",
    callback=seconds,
    default="5s",
    show_default=True,
    help="How long it is asked.",
)
@click.option(
    "-t",
    "--timeout",
    metavar="TIME",
    callback=seconds,
    default="30s",
    show_default=True,
    help="Longest wait for an answer.",
)
@click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    default="warning",
    show_default=True,
    help="Findings of this level or worse make it fail.",
)
@click.option(
    "--max-loop-hold",
    metavar="TIME",
    callback=seconds,
    help="Fail when a request holds the event loop for longer.",
)
@click.option(
    "--max-p99",
    metavar="TIME",
    callback=seconds,
    help="Fail when 99 of 100 requests take longer (the longest, of fewer than 100).",
)
@click.option("--json", "as_json", is_flag=True, help="Only a JSON report on standard output.")
@save_option
@lint_options
def check(command: tuple[str, ...], attach: str | None, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Check a server: exit with 1 when something is wrong with it.

    Runs COMMAND (or attaches to a server), asks it for a while, and prints what the lints find. The
    exit status is 0 when it is fine, 1 when it is not, 2 when it could not be checked.
    """  # fmt: skip
    from threadscope.rings.folder import FolderError
    from threadscope.run import start_session
    from threadscope.signals import Signals
    from threadscope.targets.errors import TargetError

    session, limits = _session(_target(command, attach), options), _limits(options)
    with Signals() as signals:
        try:
            start_session(session, signals)
            session.play([v.key for v in session.variants], seconds=options["duration"])
            while not (session.over or signals.number):
                time.sleep(LOOK_S)
            session.finish()
            status = 128 + signals.number if signals.number else _report(session, limits, options)
        except (TargetError, FolderError) as error:
            status = _cannot(str(error))
        finally:
            session.close()
    if session.unsaved:
        status = status or _cannot(session.unsaved)
    sys.exit(status)


def _target(command: tuple[str, ...], attach: str | None) -> Target:
    if bool(command) is bool(attach):
        raise click.UsageError("say what to check: `-- COMMAND`, or --attach PID")
    if attach:
        from threadscope.targets.attach import AttachTarget

        return AttachTarget(attach)
    from threadscope.targets.command import CommandTarget

    return CommandTarget(command, asked=True)


def _session(target: Target, options: dict[str, Any]) -> Session:
    from threadscope.asking import Options
    from threadscope.keep import Keep
    from threadscope.model.snapshot import Variant
    from threadscope.model.units import first_of
    from threadscope.phases import Way
    from threadscope.recording.errors import RecordingError
    from threadscope.session import Session

    urls = options["urls"] or ("/",)
    for url in urls:
        if not url.startswith(("/", "http://", "https://")):
            raise click.UsageError(f"{url!r} is no path: begin it with a slash, as in /items/1")
    plan = partial(_plans, urls, options["timeout"])
    plan("http://127.0.0.1:1")  # whether it is one, before a server is started for it
    way = Way(Variant("check", f"GET {first_of(urls)}"), plan)
    asked = Options(options["concurrency"], options["duration"], lints=settings_of(options))
    try:
        return Session(target, [way], asked, Keep(save=options["save"]).encoder())
    except RecordingError as error:
        raise click.UsageError(str(error)) from None


def _plans(urls: Sequence[str], timeout_s: float, base: str) -> list[LoadPlan]:
    """One load that asks for one path after the other."""
    from threadscope.load.plan import LoadPlan

    first, *rest = [url if "://" in url else base + url for url in urls]
    try:
        return [LoadPlan(url=first, further_urls=tuple(rest), timeout_s=timeout_s)]
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _limits(options: dict[str, Any]) -> Limits:
    from threadscope.model.snapshot import Level
    from threadscope.report.check import Limits

    hold, p99 = options["max_loop_hold"], options["max_p99"]
    return Limits(
        None if options["fail_on"] == "never" else Level(options["fail_on"]),
        None if hold is None else hold * 1e9,
        None if p99 is None else p99 * 1e9,
    )


def _report(session: Session, limits: Limits, options: dict[str, Any]) -> int:
    from threadscope.report.check import check_document, check_lines, verdict
    from threadscope.report.document import document

    if session.failure is not None:
        raise session.failure
    phases = session.finished
    if session.broken:
        return _cannot(session.broken)
    if not any(route.completed for phase in phases for route in phase.routes):
        last = session.latest()
        why = last.health.limited if last is not None else ""
        hint = "`threadscope doctor` says what it needs"
        return _cannot(why or f"no request was seen in the server: {hint}")
    said = verdict(phases, limits)
    if options["as_json"]:
        report = document(session.target.title, session.target, phases)
        click.echo(json.dumps(check_document(report, said), indent=1))
    else:
        click.echo("\n".join(check_lines(phases, said)))
    return 0 if said.passed else 1


def _cannot(why: str) -> int:
    complain(why)
    return CANNOT

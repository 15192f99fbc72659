"""Runs a session to its end in one of its views, and puts everything away whatever happens."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import click

from threadscope.report.compare import compare_lines, last_of_each
from threadscope.report.document import document
from threadscope.report.text import TextReport
from threadscope.rings.folder import FolderError
from threadscope.session import TOUR_S, Options, Session
from threadscope.targets.demos import Demo
from threadscope.targets.errors import TargetError

LOOK_S = 0.2
DEFAULT_S = 10.0


class View(Enum):
    """How an observation is shown."""

    SCREEN = "screen"
    TEXT = "text"
    JSON = "json"


class Stopped(BaseException):
    """A signal asked us to end."""

    def __init__(self, number: int) -> None:
        self.number = number


def watch_demo(demo: Demo, options: Options, mode: str, view: View) -> int:
    """Watches a demo until it is over or somebody ends it.

    Returns:
        The exit status: 0; 1 when the server or the load failed; 128 + n after signal n.
    """
    session = Session(demo, options)
    keys = [v.key for v in session.variants] if mode == "tour" else [mode]
    try:
        with _signals():
            session.start()
            if view is View.SCREEN:
                return _screen(session, keys, options)
            return _lines(session, keys, options, view)
    except (TargetError, FolderError) as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    except Stopped as stopped:
        return 128 + stopped.number
    finally:
        session.close()


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end us as Ctrl-C does: through the finally clauses."""

    def stop(number: int, _: object) -> None:
        for one in caught:  # a second one must not cut the cleaning short
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(number)

    caught = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = [signal.signal(one, stop) for one in caught]
    try:
        yield
    finally:
        for one, handler in zip(caught, before, strict=True):
            signal.signal(one, handler)


def _lines(session: Session, keys: list[str], options: Options, view: View) -> int:
    """Text or JSON: plays the variants once and reports."""
    seconds = options.seconds or (None if options.requests else DEFAULT_S)
    session.play(keys, seconds=seconds)
    report, pause = TextReport(), threading.Event()
    seen = None
    try:
        while True:
            over = session.over
            snapshot = session.latest()
            if view is View.TEXT and snapshot is not None and snapshot is not seen:
                for line in report.lines(snapshot):
                    click.echo(line)
            seen = snapshot
            if over:
                break
            pause.wait(LOOK_S)
    except Stopped:
        _report(session, view)
        raise
    return _report(session, view)


def _report(session: Session, view: View) -> int:
    """What was measured, on standard output; why it is not all, on standard error."""
    snapshot = session.latest()
    finished = session.finished
    if view is View.JSON and snapshot is not None:
        name = snapshot.target.title.removeprefix("demo ")
        click.echo(json.dumps(document(name, snapshot.target, finished), indent=1))
    elif finished:
        _print_comparison(session)
    return _failure(session)


def _failure(session: Session) -> int:
    """Says why the observation ended early, if it did."""
    if session.failure is not None:
        raise session.failure
    broken = next((phase.aborted for phase in session.finished if phase.aborted), "")
    if not broken and not session.ended:
        return 0
    click.echo(f"Error: {broken or 'the server ' + session.ended}", err=True)
    for line in session.last_output():
        click.echo(f"  {line}", err=True)
    return 1


def _print_comparison(session: Session) -> None:
    phases = last_of_each(session.finished)
    if len(phases) > 1:
        click.echo("\n".join(["", *compare_lines(phases)]))


def _screen(session: Session, keys: list[str], options: Options) -> int:
    """The live screen, until the user quits."""
    import os

    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from threadscope.tui.app import ThreadscopeApp

    if len(keys) > 1:
        session.play(keys, seconds=options.seconds or TOUR_S, then_live=True)
    else:
        session.play(keys, seconds=options.seconds)
    app = ThreadscopeApp(session, session)
    app.run()
    session.finish()
    if session.failure is not None:
        raise session.failure
    _print_comparison(session)
    return app.return_code or 0

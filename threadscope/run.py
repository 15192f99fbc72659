"""Runs a session to its end in one of its views, and puts everything away whatever happens."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from threadscope.asking import Options
from threadscope.keep import Keep
from threadscope.lints.catalog import LINTS
from threadscope.lints.explain import explanation
from threadscope.pauses import ShortPauses
from threadscope.recording.camera import Camera
from threadscope.recording.decode import SessionFile
from threadscope.recording.errors import RecordingError
from threadscope.recording.replay import Replay
from threadscope.recording_report import judge_of
from threadscope.report.closing import closing_lines
from threadscope.report.document import document
from threadscope.report.text import TextReport
from threadscope.rings.folder import FolderError
from threadscope.session import Session
from threadscope.signals import Signals
from threadscope.stage import Linger, show
from threadscope.targets.errors import TargetError
from threadscope.usage import cannot_write, close_output, complain
from threadscope.views import View

if TYPE_CHECKING:
    from threadscope.tui.app import ThreadscopeApp

LOOK_S = 0.2
START_LOOK_S = 0.02
START_PATIENCE_S = 2.0
CARD_S = 8.0
"""How long a screen without a terminal shows the result of what it measured."""
LAST_S = 2.0
"""And the end of a replay."""


class OutputError(Exception):
    """Standard output takes nothing more."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause
        """What the system said."""


def watch(
    session: Session, view: View, variant: str | None = None, keep: Keep | None = None
) -> int:
    """Watches a server until it is over or somebody ends it.

    Args:
        session: not started yet.
        view: how it is shown.
        variant: the only one to play; None: one after the other.
        keep: what is kept of the screen.

    Returns:
        The exit status: 0; 1 when the server or the load failed, or nothing could be written;
        128 + n after signal n.
    """
    options, keep = session.options, keep or Keep()
    keys = [v.key for v in session.variants] if variant is None else [variant]
    status, camera = 0, None
    with Signals() as signals:
        try:
            camera = keep.camera()
            start_session(session, signals)
            if signals.number:
                pass
            elif view is View.SCREEN:
                status = _screen(session, keys, keep, camera, signals)
            else:
                status = _lines(session, keys, options, view, signals)
        except (TargetError, FolderError, RecordingError) as error:
            status = _complain(str(error))
        except OutputError as error:
            status = _lost(error.cause)
        finally:
            session.close()
            if camera is not None:
                camera.stop()
        if session.unsaved:
            status = _complain(session.unsaved) or status
        return 128 + signals.number if signals.number else status


def start_session(session: Session, signals: Signals) -> None:
    """Starts it in a thread: a signal need not break into the starting of processes.

    Raises:
        TargetError: the server does not come up.
        FolderError: there is no place for the rings.
    """
    errors: list[BaseException] = []

    def start() -> None:
        try:
            session.start()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=start, name="threadscope start", daemon=True)
    thread.start()
    while thread.is_alive() and not signals.number:
        thread.join(START_LOOK_S)
    thread.join(START_PATIENCE_S)
    if thread.is_alive():  # a server that hangs: its guard, and the load, end when we do
        os._exit(128 + signals.number)
    if errors:
        raise errors[0]


def _complain(text: str) -> int:
    try:
        complain(text)
    except OSError:  # the terminal is gone
        pass
    return 1


def _lost(error: OSError) -> int:
    """`| head` has seen enough, or the terminal is gone: quietly. A full disk is worth a word."""
    if error.errno not in (errno.EPIPE, errno.EIO):
        return cannot_write(error)
    close_output()
    return 128 + signal.SIGPIPE


# -- plain lines, or JSON ----------------------------------------------------------------------
def _lines(
    session: Session, keys: list[str], options: Options, view: View, signals: Signals
) -> int:
    """Plays the variants once and reports."""
    if keys:
        session.play(keys, seconds=options.measure_s)
    if view is View.JSON:
        while not (session.over or signals.number):
            time.sleep(LOOK_S)
        session.finish()
        name = session.target.title.removeprefix("demo ")
        _print([json.dumps(document(name, session.target, session.finished), indent=1)])
        return _failure(session)
    _print_live(session, signals)
    _print_results(session)
    return _failure(session)


def _print_live(session: Session, signals: Signals) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every locale knows µ
    report, seen = TextReport(), None
    while not (session.over or signals.number):
        snapshot = session.latest()
        if snapshot is not None and snapshot is not seen:
            _print(report.lines(snapshot))
            seen = snapshot
        time.sleep(LOOK_S)
    session.finish()
    if (snapshot := session.latest()) is not None:
        _print(report.lines(snapshot, last=True))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        try:
            click.echo(line)
        except OSError as error:
            raise OutputError(error) from error


def _print_results(session: Session) -> None:
    width = os.get_terminal_size(1).columns if os.isatty(1) else None
    _print(closing_lines(session.results, width))


def _failure(session: Session) -> int:
    """Says why the observation ended early, if it did."""
    if session.failure is not None:
        raise session.failure
    if not session.broken or session.status == 0:
        return 0
    return _complain(session.obituary) and (session.status or 1)


# -- the screen --------------------------------------------------------------------------------
def _screen(session: Session, keys: list[str], keep: Keep, camera: Camera, signals: Signals) -> int:
    """The live screen, until the user quits; without a terminal, until all was measured."""
    app_class, options = _app_class(keep), session.options
    if not keys:
        pass  # it watches from its start
    elif len(keys) > 1 or options.seconds or options.requests or keep.size:
        session.play(keys, seconds=options.measure_s, then_live=True)
    else:
        session.show_variant(keys[0])
    pauses = ShortPauses()
    app = app_class(
        session, session if keys else None, camera=camera, terminal=not keep.size, explain=_explain,
        rest=pauses.rest,
    )  # fmt: skip
    phases = max(len(keys), 1)
    measured = Linger(lambda: bool(session.broken) or len(session.finished) >= phases, CARD_S)

    def over() -> bool:
        return session.failure is not None or (bool(keep.size) and measured.over())

    with pauses:
        asyncio.run(show(app, keep, signals, over, session.close))
    session.finish()
    _print_results(session)
    trouble = keep.finish(camera, app.last_screen)
    failed = _complain(trouble) if trouble else 0
    return _failure(session) or failed or app.return_code or 0


def replay(path: Path, *, speed: float, start_s: float, keep: Keep) -> int:
    """Shows a saved session.

    Args:
        path: its file.
        speed: at first.
        start_s: from so many seconds on.
        keep: what is kept of the screen.

    Returns:
        The exit status, as of `watch`.
    """
    with Signals() as signals:
        try:
            file = SessionFile(path)
            camera = keep.camera()
        except RecordingError as error:
            return _complain(str(error))
        player = Replay(file, speed, start_s, judge_of(file))
        pauses = ShortPauses()
        app = _app_class(keep)(
            player, None, player=player, camera=camera, terminal=not keep.size, explain=_explain,
            rest=pauses.rest,
        )  # fmt: skip
        ended = Linger(lambda: player.ended, LAST_S)
        player.start()
        try:
            with pauses:
                asyncio.run(
                    show(app, keep, signals, lambda: bool(keep.size) and ended.over(), player.close)
                )
        finally:
            player.close()
        trouble = keep.finish(camera, app.last_screen)
        status = _complain(trouble or file.trouble) if trouble or file.trouble else 0
        return 128 + signals.number if signals.number else status or app.return_code or 0


def _explain(lint: str) -> str:
    return explanation(LINTS[lint])


def _app_class(keep: Keep) -> type[ThreadscopeApp]:
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if keep.filmed:  # what is shown to others is shown in all colours
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "truecolor")
    from threadscope.tui.app import ThreadscopeApp

    return ThreadscopeApp

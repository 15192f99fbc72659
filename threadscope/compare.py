"""Measures the variants of demos in turn, round after round, each with a server of its own.

Rounds are interleaved, and every other one goes backwards: whatever else the machine does, or how
warm it gets, then falls on all variants alike.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import click

from threadscope.asking import Options
from threadscope.demo import TIMEOUT_S, demo_session
from threadscope.report.document import compared
from threadscope.report.rounds import Trial
from threadscope.report.rounds_table import markdown_lines, text_lines
from threadscope.rings.folder import FolderError
from threadscope.run import start_session
from threadscope.session import Session
from threadscope.signals import Signals
from threadscope.targets.demo_list import Demo
from threadscope.targets.errors import TargetError
from threadscope.usage import complain

LOOK_S = 0.05
ROUND_S = 3.0
"""Length of a measurement."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One variant in one round."""

    round: int
    demo: Demo
    variant: str

    @property
    def title(self) -> str:
        """`hello async`."""
        return f"{self.demo.name} {self.variant}"


@dataclass(frozen=True, slots=True)
class Wish:
    """How variants are to be compared."""

    rounds: int
    seconds: float | None
    clients: int | None = None
    """None: as the demo has it."""
    requests: int | None = None
    timeout_s: float = TIMEOUT_S


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    trials: list[Trial] = field(default_factory=list)
    """In the order in which they were measured; those that were cut short are not among them."""
    failures: dict[str, str] = field(default_factory=dict)
    """By the turn's title, why a variant could not be measured. It is not tried again."""
    signal: int = 0
    """What ended it early; 0: nothing did."""


def report(outcome: Outcome, form: str) -> int:
    """Prints what was measured, and on standard error what was not.

    Args:
        outcome: of `compare`.
        form: `text`, `markdown` or `json`.

    Returns:
        The exit status: 0; 1 when a server failed; 128 + n after signal n.
    """
    if form == "json":
        click.echo(json.dumps(compared(outcome.trials), indent=1))
    else:
        lines = markdown_lines if form == "markdown" else text_lines
        for line in lines(outcome.trials):
            click.echo(line)
    for title, why in outcome.failures.items():
        complain(f"{title} could not be measured: {why}")
    if outcome.signal:
        return 128 + outcome.signal
    return 1 if outcome.failures else 0


def turns(demos: Sequence[Demo], rounds: int) -> list[Turn]:
    """The order of measurement."""
    order = [(demo, v.variant.key) for demo in demos for v in demo.variants]
    return [
        Turn(number, demo, key)
        for number in range(1, rounds + 1)
        for demo, key in (order if number % 2 else reversed(order))
    ]


def compare(demos: Sequence[Demo], wish: Wish) -> Outcome:
    """Measures; says on standard error how far it is.

    Args:
        demos: which.
        wish: how.
    """
    outcome = Outcome()
    work: dict[str, int] = {}
    with Signals() as signals:
        for turn in _with_progress(turns(demos, wish.rounds)):
            if signals.number:
                break
            if turn.title in outcome.failures:
                continue
            try:
                session = _session(turn, wish, work.get(turn.demo.name))
                _measure(session, turn, outcome, signals)
                # each server would find out anew how much takes its time: all do the same work
                known = {trial.demo: trial.target.work for trial in outcome.trials}
                work = {demo: found for demo, found in known.items() if found}
            except (TargetError, FolderError) as error:
                outcome.failures[turn.title] = str(error)
        outcome.signal = signals.number
    return outcome


def _session(turn: Turn, wish: Wish, work: int | None) -> Session:
    demo = turn.demo
    clients = wish.clients or demo.compare_clients or demo.clients
    options = Options(clients=clients, seconds=wish.seconds, requests=wish.requests)
    return demo_session(demo, options, work=work, timeout_s=wish.timeout_s)


def _measure(session: Session, turn: Turn, outcome: Outcome, signals: Signals) -> None:
    """Plays one turn; a failure of the server is noted, one of ours is raised."""
    try:
        start_session(session, signals)
        if signals.number:
            return
        session.play([turn.variant], seconds=session.options.measure_s)
        while not (session.over or signals.number):
            time.sleep(LOOK_S)
        session.finish()
        if session.failure is not None:
            raise session.failure
        if session.broken:
            outcome.failures[turn.title] = session.obituary
        outcome.trials += [
            Trial(turn.demo.name, session.target, replace(phase, round=turn.round))
            for phase in session.finished
            if not phase.aborted
        ]
    finally:
        session.close()


def _with_progress(todo: list[Turn]) -> Iterator[Turn]:
    """The turns, and on standard error a bar with the time left, or a line each in a pipe."""
    if not sys.stderr.isatty():
        for number, turn in enumerate(todo, 1):
            click.echo(f"{number}/{len(todo)}  round {turn.round}  {turn.title}", err=True)
            yield turn
        return
    with click.progressbar(
        length=len(todo), file=sys.stderr, show_pos=True, item_show_func=_title, width=24
    ) as bar:
        for turn in todo:
            bar.update(0, turn)
            yield turn
            bar.update(1, turn)


def _title(turn: Turn | None) -> str:
    return turn.title if turn else ""

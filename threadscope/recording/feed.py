"""Tells an aggregator what a session file holds: the report from a file is the live one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from threadscope.model.aggregator import Aggregator
from threadscope.model.observation import Judge
from threadscope.model.snapshot import PhaseSummary, Snapshot, TargetInfo
from threadscope.recording.decode import NOT_OURS, Call, SessionFile
from threadscope.recording.errors import RecordingError

NOT_SAVED = ("What a server printed is not in a session file.",)


class Feeder:
    """An aggregator that lives through a saved session again.

    Args:
        file: the session.
        judge: says what was wrong; None: nobody does.
    """

    def __init__(self, file: SessionFile, judge: Judge | None = None) -> None:
        head, self._path = file.header, file.path
        self.aggregator = Aggregator(head.started, wall_offset=head.wall_offset, judge=judge)
        self.finished: list[PhaseSummary] = []
        """Phases that ended so far."""
        self._running = False

    def tell(self, call: Call) -> Snapshot | None:
        """Tells it one thing more; the snapshot, where one was taken.

        Raises:
            RecordingError: nobody could be told that.
        """
        try:
            return self._tell(call)
        except NOT_OURS as error:
            raise RecordingError(f"{self._path} holds what this version cannot read") from error

    def _tell(self, call: Call) -> Snapshot | None:
        if call.name in ("target", "limited"):
            setattr(self.aggregator, call.name, call.args[0])
        elif call.name == "snapshot":
            return self.aggregator.snapshot(call.args[0], NOT_SAVED)
        else:
            told = getattr(self.aggregator, call.name)(*call.args, **call.named)
            if call.name == "begin_phase":
                self._running = True
            elif call.name == "end_phase":
                self._running = False
                self.finished.append(told)
        return None

    def break_off(self, why: str) -> None:
        """Nothing comes any more: a phase that runs is summed up as it was seen."""
        if self._running:
            self._running = False
            self.finished.append(self.aggregator.end_phase(self.aggregator.as_seen(), why))


def snapshots(file: SessionFile, judge: Judge | None = None) -> Iterator[tuple[Snapshot, int]]:
    """All snapshots of a session, and how many bytes were read for each.

    Raises:
        RecordingError: the file holds what cannot be read.
    """
    feeder = Feeder(file, judge)
    for call, read in file.calls():
        snapshot = feeder.tell(call)
        if snapshot is not None:
            yield snapshot, read


class Saved(NamedTuple):
    """What a report needs."""

    target: TargetInfo
    finished: list[PhaseSummary]
    trouble: str
    """Why the file ends early, "" if it does not."""


def read_results(
    path: Path, judge_of: Callable[[SessionFile], Judge | None] = lambda file: None
) -> tuple[SessionFile, Saved]:
    """The phases of a saved session.

    Args:
        path: its file.
        judge_of: gives who says what was wrong in a session.

    Raises:
        RecordingError: it cannot be read.
    """
    file = SessionFile(path)
    feeder = Feeder(file, judge_of(file))
    for call, _ in file.calls():
        feeder.tell(call)
    if not file.whole:
        feeder.break_off("the file ends here")
    return file, Saved(feeder.aggregator.target, feeder.finished, file.trouble)

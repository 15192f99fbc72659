"""A saved session as a source of snapshots, with a clock of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from threadscope.model.history import History
from threadscope.model.observation import Judge
from threadscope.model.snapshot import Snapshot
from threadscope.model.windows import SECOND
from threadscope.recording.decode import SessionFile
from threadscope.recording.errors import RecordingError
from threadscope.recording.feed import snapshots

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class Replay:
    """Plays a session. All of it is read at once, in a thread: seeking is looking something up.

    Args:
        file: the session.
        speed: at first, 0.1 to 16.
        start_s: from so many seconds on.
        judge: says what was wrong; None: nobody does.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        file: SessionFile,
        speed: float = 1.0,
        start_s: float = 0.0,
        judge: Judge | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history = History(keep_ns=None)
        """All of it, as far as it was read."""
        self.speed = speed
        self._file, self._judge, self._clock = file, judge, clock
        self._from = file.header.started + int(start_s * SECOND)
        self._since: float | None = clock()
        self._thread = threading.Thread(target=self._read, name="threadscope replay", daemon=True)
        self._stopping = False

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def close(self) -> None:
        """Ends reading."""
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join()

    def wait(self) -> None:
        """Until all of it was read."""
        self._thread.join()

    def _read(self) -> None:
        trouble = ""
        try:
            for snapshot, _ in snapshots(self._file, self._judge):
                self.history.add(snapshot)
                if self._stopping:
                    return
            trouble = self._file.trouble
        except RecordingError as error:
            trouble = str(error)
        last = self.history.latest
        if trouble and last is not None:
            self.history.replace_latest(replace(last, health=replace(last.health, limited=trouble)))

    # -- what the screen asks ------------------------------------------------------------------
    def latest(self) -> Snapshot | None:
        """What was seen at the moment that the clock has come to."""
        return self.history.at(self._now())

    @property
    def length_ns(self) -> int:
        """Of what was read."""
        last = self.history.latest
        return last.at - self._file.header.started if last else 0

    @property
    def ended(self) -> bool:
        """Whether the clock has come to the end."""
        last = self.history.latest
        done = self._thread.ident is not None and not self._thread.is_alive()
        return done and (last is None or self._now() >= last.at)

    def _now(self) -> int:
        if self._since is None:
            return self._from
        return self._from + int((self._clock() - self._since) * self.speed * SECOND)

    # -- what the keys do ----------------------------------------------------------------------
    def pause(self) -> None:
        """The clock stands still."""
        self._from, self._since = self._now(), None

    def play_from(self, t: int) -> None:
        """The clock goes on from a moment; monotonic ns, within the session."""
        first, last = self._file.header.started, self.history.latest
        self._from = max(first, min(t, last.at if last else first))
        self._since = self._clock()

    def change_speed(self, by: int) -> None:
        """So many steps faster, or slower."""
        now, i = self._now(), min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self.speed))
        self.speed = SPEEDS[max(0, min(i + by, len(SPEEDS) - 1))]
        self._from = now
        if self._since is not None:
            self._since = self._clock()

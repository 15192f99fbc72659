"""Keys that move in time: the same for the last minute of a live server and a saved session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threadscope.report.units import SECOND, elapsed
from threadscope.tui.goto import GoTo

if TYPE_CHECKING:
    from textual.app import App

    from threadscope.model.history import History
    from threadscope.model.snapshot import Snapshot
    from threadscope.tui.source import Player

    Base = App[None]
else:
    Base = object

JUMP_NS = 5 * SECOND
"""What an arrow skips while a replay plays."""


class ScrubbingActions(Base):
    """The part of the app that pauses, steps, jumps and replays."""

    if TYPE_CHECKING:
        history: History
        shown: Snapshot | None
        player: Player | None
        _paused: bool

        def _show(self, snapshot: Snapshot) -> None: ...

        def _update_keys(self) -> None: ...

    @property
    def paused(self) -> bool:
        """The picture stands still; a live server's snapshots are kept all the same."""
        return self._paused

    @property
    def position(self) -> str:
        """Where in a saved session the picture lies; "" while it is live."""
        player, shown = self.player, self.shown
        if player is None or shown is None:
            return ""
        sign = "PAUSED" if self._paused else f"REPLAY {player.speed:g}x"
        return f"{sign}  {elapsed(shown.at - shown.started)} of {elapsed(player.length_ns)}"

    def action_pause(self) -> None:
        """Stop the picture, or go on: live with the newest, in a replay from here."""
        if self.shown is None:
            return
        self._paused = not self._paused
        self._update_keys()
        if self._paused:
            if self.player is not None:
                self.player.pause()
            self._show(self.shown)
        elif self.player is not None:
            self._play_from(self.shown.at)
        else:
            self._show(self.history.latest or self.shown)

    def action_step(self, by: int) -> None:
        """A picture back or forth; some seconds while a replay plays."""
        if self.shown is None:
            return
        if self._paused:
            self._show(self.history.step(self.shown, by))
        elif self.player is not None:
            self._play_from(self.shown.at + by * JUMP_NS)

    def action_change(self, by: int) -> None:
        """To where the word for the behaviour changes."""
        if self.shown is None or not (self._paused or self.player):
            return
        found = self.history.change(self.shown, by)
        if found is None:
            return
        if not self._paused:
            self._play_from(found.at)
        self._show(found)

    def action_speed(self, by: int) -> None:
        """Replay faster, or slower."""
        if self.player is not None and self.shown is not None:
            self.player.change_speed(by)
            self._show(self.shown)

    def action_go_to(self) -> None:
        """Ask for a time to replay from."""
        if self.player is not None:
            self.push_screen(GoTo(), self._go_to)

    def _go_to(self, seconds: float | None) -> None:
        if seconds is None or self.player is None or self.shown is None:
            return
        t = self.shown.started + int(seconds * SECOND)
        if self._paused:
            self._show(self.history.at(t) or self.shown)
        else:
            self._play_from(t)

    def _play_from(self, t: int) -> None:
        if self.player is not None:
            self.player.play_from(t)
        found = self.history.at(t)
        if found is not None:
            self._show(found)

"""The line of keys at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from textual.timer import Timer

from threadscope.tui.keys import Key
from threadscope.tui.line import Item, Line, joined, keep
from threadscope.tui.palette import KEY, MUTED, ON_BAR, WARN
from threadscope.tui.panel import Lines

SAID_S = 4.0
"""How long an answer to a key stays in place of the keys."""


class KeyBar(Lines):
    """The keys that do something now, or why the last one did nothing."""

    GROUND = ON_BAR

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: tuple[Key, ...] = ()
        self._paused = False
        self._said = ""
        self._silence: Timer | None = None

    def say(self, text: str) -> None:
        """Answer a key that does nothing, for a moment."""
        if self._silence is not None:
            self._silence.stop()
        self._said = text
        self._silence = self.set_timer(SAID_S, self._fall_silent) if text else None
        self.redraw()

    def _fall_silent(self) -> None:
        self.say("")

    def show_keys(self, keys: Sequence[Key], paused: bool) -> None:
        """Show other keys."""
        if (tuple(keys), paused) != (self._keys, self._paused):
            self._keys, self._paused = tuple(keys), paused
            self.redraw()

    def redraw(self) -> None:
        """The keys, the most important ones where the line is short."""
        width = self.size.width
        if self._said:
            self.put([Line().add(" " + self._said, WARN).strip(width)])
            return
        items = [
            Item(((key.pair or key.display, KEY), (" " + self._word(key), MUTED)), key.rank)
            for key in sorted(self._keys, key=_place)
            if key.short and (self._paused or not key.when_paused)
        ]
        self.put([Line().add(" ").pieces(joined(keep(items, width - 2, 2), 2)).strip(width)])

    def _word(self, key: Key) -> str:
        return "resume" if self._paused and key.action == "pause" else key.short


def _place(key: Key) -> bool:
    """Help and quit stand at the end."""
    return key.action in ("help", "quit")

"""Asks for a time."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input


def seconds_of(text: str) -> float | None:
    """`83`, `1:23`, `1:02:03` as seconds; None: it is no time."""
    if not re.fullmatch(r"(?:(?:\d{1,2}:)?\d{1,3}:)?\d{1,5}(?:\.\d+)?", text.strip(), re.ASCII):
        return None
    total = 0.0
    for part in text.strip().split(":"):
        total = total * 60 + float(part)
    return total


class GoTo(ModalScreen[float | None]):
    """One line; enter takes it, escape leaves all as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]
    DEFAULT_CSS = """
    GoTo { align: center bottom; background: $background 0%; }
    GoTo Input { width: 100%; height: 1; border: none; padding: 0 1; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        """The line."""
        yield Input(placeholder="go to: 83, or 1:23", compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        self.dismiss(seconds_of(event.value))

"""The colours: one dark theme, and every style that a line is drawn with, made once.

Nothing is told by colour alone: each style here goes with a glyph, a word or a number.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

BACKGROUND = "#121216"
BAR = "#262637"
FOREGROUND = "#c8c8d0"
BRIGHT = "#f2f2f7"
DIM = "#787884"
FAINT = "#44444f"
ACCENT = "#8fa8ff"
RED = "#ff5f5f"
ORANGE = "#ffaf5f"
GREEN = "#87d787"
INK = "#101014"

THEME = Theme(
    name="threadscope",
    primary=ACCENT,
    accent=ACCENT,
    foreground=FOREGROUND,
    background=BACKGROUND,
    surface=BAR,
    panel=BAR,
    success=GREEN,
    warning=ORANGE,
    error=RED,
    dark=True,
)

ON_BACKGROUND = Style(bgcolor=BACKGROUND)
ON_BAR = Style(bgcolor=BAR)
TEXT = Style(color=FOREGROUND)
STRONG = Style(color=BRIGHT, bold=True)
MUTED = Style(color=DIM)
GHOST = Style(color=FAINT)
KEY = Style(color=ACCENT, bold=True)
ALARM = Style(color=RED, bold=True)
WARN = Style(color=ORANGE)
GOOD = Style(color=GREEN)
METER = Style(color=ACCENT)
QUEUE = Style(color=RED)
UNCLAIMED = Style(color=DIM)
"""CPU that no request explains."""
CHIP = Style(color=INK, bgcolor=ORANGE, bold=True)
ALARM_CHIP = Style(color=INK, bgcolor=RED, bold=True)
QUIET_CHIP = Style(color=BRIGHT, bgcolor=FAINT, bold=True)
GOOD_CHIP = Style(color=INK, bgcolor=GREEN, bold=True)
CALM_CHIP = Style(color=INK, bgcolor=ACCENT, bold=True)


class RequestStyles(NamedTuple):
    """The styles of one request's colour."""

    name: Style
    """Its number in a text."""
    block: Style
    """CPU, over a tint that says: a request holds this thread."""
    shade: Style
    """Held without CPU."""
    start: Style
    """`#84` over a low lane."""
    number: Style
    """`84` written on full blocks."""
    edge: Style
    """The last block of a request, with a gap behind it."""


def _request_styles(colour: str) -> RequestStyles:
    ground = Color.parse(BACKGROUND)
    tint = ground.blend(Color.parse(colour), 0.17).hex
    shade = ground.blend(Color.parse(colour), 0.42).hex
    return RequestStyles(
        name=Style(color=colour),
        block=Style(color=colour, bgcolor=tint),
        shade=Style(color=shade, bgcolor=tint),
        start=Style(color=colour, bgcolor=tint, bold=True),
        number=Style(color=INK, bgcolor=colour, bold=True),
        edge=Style(color=colour),
    )


_COLOURS = (
    "#ffd75f",
    "#5fd7d7",
    "#5fafff",
    "#ffaf5f",
    "#87d787",
    "#d787d7",
    "#c3b1ff",
    "#c9dc62",
)
_REQUESTS = tuple(_request_styles(colour) for colour in _COLOURS)
_MANY = _request_styles("#93a4c8")


def request_styles(request: int) -> RequestStyles:
    """The colour of a request: eight in turn, so that neighbours differ.

    Args:
        request: its number; below 0 for several short ones together, in one neutral colour.
    """
    return _REQUESTS[request % len(_REQUESTS)] if request >= 0 else _MANY

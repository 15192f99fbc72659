"""Lets a camera see what the terminal is sent: a driver of Textual that passes it on.

A screencast holds what draws the picture and nothing else: no switching of screens, mouse and
keyboard modes, no questions to the terminal, and nothing that goes to the clipboard.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.color import ColorSystem
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.driver import Driver
from textual.strip import Strip

from threadscope.tui.narrow import narrow, narrows

if TYPE_CHECKING:
    from textual.app import App

    from threadscope.tui.source import Camera

HOUSEKEEPING = re.compile(
    r"\x1b\[\?(?:1000|1002|1003|1004|1005|1006|1015|1016|1047|1048|1049|2004|2026|2031|2048)[hl]"
    r"|\x1b\[\?\d+\$p"  # is this mode known?
    r"|\x1b\[[<>=?]\d*(?:;\d+)*u"  # how keys are told
    r"|\x1b\](?:22|52);[^\x07\x1b]*(?:\x07|\x1b\\)"  # shape of the pointer, clipboard
    r"|\x1bP[^\x1b]*\x1b\\"
)
BLANK = "\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J\x1b[H"
"""No cursor, no wrapping, no colour, nothing there."""


def casting(base: type[Driver], camera: Callable[[App[Any]], Camera | None]) -> type[Driver]:
    """A driver that shows a camera all that it writes.

    Args:
        base: does the work. A headless one writes nowhere, and then only the camera sees it.
        camera: of an app, None: there is none.
    """

    class CastingDriver(base):  # type: ignore[misc, valid-type]  # the base is known at run time
        _drawing = False
        _narrow = narrows(getattr(sys.__stderr__, "encoding", None) or "utf-8")

        @property
        def is_headless(self) -> bool:
            """Never: Textual draws nothing for a headless driver."""
            return False

        def start_application_mode(self) -> None:
            """What prepares the terminal is not part of the picture."""
            super().start_application_mode()
            self._drawing = True

        def stop_application_mode(self) -> None:
            """Nor what puts it back: the last picture stays."""
            self._drawing = False
            super().stop_application_mode()

        def write(self, data: str) -> None:
            """To the camera, then where it belongs."""
            to = camera(self._app) if self._drawing else None
            if to is not None and to.rolling:
                picture = HOUSEKEEPING.sub("", data)
                if picture:
                    to.output(picture, *self._app.size)
            super().write(narrow(data) if self._narrow else data)

    return CastingDriver


def whole_screen(app: App[Any]) -> str:
    """What draws the screen as it is now on an empty terminal, in true colours."""
    stack = app._background_screens
    update = app.screen._compositor.render_update(full=True, screen_stack=stack)
    assert isinstance(update, LayoutUpdate)
    out = [BLANK]
    for y, line in enumerate(update.strips, 1):
        out.append(f"\x1b[{y};1H")
        out += [_written(text, style) for strip in line for text, style, _ in strip]
    return "".join(out)


def _written(text: str, style: Style | None) -> str:
    """Text with its colours; Rich's own way would remember those of a poorer terminal."""
    ansi = Strip.render_ansi(style, ColorSystem.TRUECOLOR) if style else ""
    return f"\x1b[{ansi}m{text}\x1b[0m" if ansi else text

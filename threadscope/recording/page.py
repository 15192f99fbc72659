"""One HTML page that plays a film: all of it is in the page, nothing is fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from threadscope.recording.frames import Frame
from threadscope.recording.svg import CELL, RowBook, film, ground_of, screen_size, window

PLACES = re.compile("@(?:TITLE|SVG|TIMES|WIDTH)@")


def page(frames: Sequence[Frame], title: str) -> str:
    """The page.

    Args:
        frames: one or more.
        title: of the page and the picture.
    """
    ground = ground_of(frames)
    book = RowBook(ground)
    strip, rows = film(frames, book), book.definitions()
    inside = f'{rows}<g id="film">{strip}</g>'
    parts = {
        "@TITLE@": escape(title),
        "@SVG@": window(frames, title, ground, book.styles(), inside),
        "@TIMES@": json.dumps([round(frame.t, 3) for frame in frames]),
        "@WIDTH@": str(screen_size(frames)[0] * CELL),
    }
    text = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return PLACES.sub(lambda place: parts[place[0]], text)  # at once: a part may look like a place

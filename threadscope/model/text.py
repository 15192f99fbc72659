"""Text that comes from a server, made harmless for a terminal."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and other strings
    r"|\x1b[@-Z\\-~]?"
)


def clean(text: str, limit: int = 500) -> str:
    """One line without escape sequences, control characters and bidirectional marks.

    Args:
        text: anything, from anyone.
        limit: characters kept; the rest becomes an ellipsis.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # as most texts are
    text = _ESCAPES.sub("", text[: 4 * limit])
    text = "".join(_plain(ch) for ch in text.replace("\t", "    "))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain(ch: str) -> str:
    """The character itself, or nothing where it would steer a terminal (classes C*, Zl, Zp)."""
    if " " <= ch <= "~":
        return ch
    category = unicodedata.category(ch)
    return "" if category[0] == "C" or category in ("Zl", "Zp") else ch

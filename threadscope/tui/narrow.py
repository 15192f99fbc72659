"""For terminals whose character set has no blocks: the screen in ASCII, each glyph one cell."""

from __future__ import annotations

ASCII = str.maketrans(
    {
        "▁": "_", "▂": "_", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "#",
        "▊": "|", "░": ":", "▒": "o", "▓": "%", "·": ".", "━": "=", "╸": "=", "─": "-", "╌": "-",
        "╵": "|", "╎": "|",
        "▾": "v", "▸": ">", "▶": ">", "■": "<", "▲": "!", "▼": "v", "✖": "X", "•": "*",
        "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "╭": "+", "╮": "+", "╰": "+", "╯": "+",
        "←": "<", "→": ">", "↑": "^", "↓": "v", "…": "~", "—": "-", "≥": ">", "µ": "u",
    }
)  # fmt: skip
"""Lower and higher blocks stay lower and higher; what is left becomes a question mark."""


def narrows(encoding: str) -> bool:
    """Whether a terminal of this character set lacks what the screen draws with."""
    try:
        "▁█░━▶".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def narrow(text: str) -> str:
    """The same in ASCII."""
    if text.isascii():
        return text
    return text.translate(ASCII).encode("ascii", "replace").decode("ascii")

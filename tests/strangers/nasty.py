"""What a stranger would like to get onto a terminal, and whether any of it got there."""

from __future__ import annotations

import re
import unicodedata

CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"
LINK = "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\"
TITLE = "\x1b]0;evil\x07"
ASK = "\x1b[6n\x1b[>c\x1bP+q436f\x1b\\"
"""The terminal's answers would be typed into the shell."""
C1 = "\x9b5n\x9d52;c;ZXZpbA==\x9c\x90+q436f\x9c"
BIDI = "\u202egnp.exe\u202c\u2066x\u2069\u200f\u061c"
HIDDEN = "\u200b\u200d\ufeff\u2028\u2029\U000e0041"
WIDE = "漢字🎉e\u0301\u0301"
MARKUP = "[bold red on white]x[/] [@click=app.quit]y[/] <script>alert(1)</script> &amp;"
CONTROLS = "\x00\x1f\x07\x08\r\n\x0b\x0c\x0e\x7f"
ALL = (CLIPBOARD, LINK, TITLE, ASK, C1, BIDI, HIDDEN, WIDE, MARKUP, CONTROLS)
EVERYTHING = "".join(ALL)

OF_A_SCREEN = re.compile(r"\x1b(\]22;[a-z-]*\x07|\[[0-9;?<>=]*[ $]*[@-~]|[()][A-Z0-9]|[=>78])")
"""What a full-screen program writes, and a stranger's strings do not hold."""
STEERING = re.compile(r"\x1b(\](?!22;[a-z-]*\x07)|[PX^_]|\[6n|\[5n|\[>c)")
"""OSC 22 is the mouse pointer's form, which Textual sets."""


def assert_inert(text: str, *, lines: bool = True) -> None:
    """Nothing in a text steers a terminal.

    Args:
        text: what was written somewhere.
        lines: line ends are all right.
    """
    odd = {
        f"U+{ord(ch):04X}"
        for ch in text
        if unicodedata.category(ch)[0] == "C" or unicodedata.category(ch) in ("Zl", "Zp")
    }
    assert odd <= ({"U+000A"} if lines else set()), ascii(text[:2000])


def assert_inert_screen(written: bytes) -> None:
    """What a full-screen program wrote to its terminal holds its own sequences and no others."""
    text = written.decode(errors="replace")
    bad = STEERING.search(text)
    assert not bad, ascii(text[max(bad.start() - 80, 0) : bad.end() + 80])
    assert_inert(OF_A_SCREEN.sub("", text).replace("\r", ""))

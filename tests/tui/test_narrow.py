from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

import threadscope.tui
from threadscope.tui.line import BLOCKS
from threadscope.tui.narrow import ASCII, narrow, narrows


@pytest.mark.parametrize(("encoding", "does"), [
    ("utf-8", False), ("UTF8", False), ("utf-16", False), ("ascii", True), ("ANSI_X3.4-1968", True),
    ("iso-8859-1", True), ("cp1252", True), ("no such thing", True),
])  # fmt: skip
def test_which_character_sets_lack_blocks(encoding, does):
    assert narrows(encoding) is does


def test_every_glyph_of_the_screen_has_a_letter_as_wide():
    sources = Path(threadscope.tui.__path__[0]).glob("*.py")
    glyphs = {ch for source in sources for ch in source.read_text("utf-8") if not ch.isascii()}
    assert glyphs <= {chr(number) for number in ASCII}
    for ch in glyphs:
        assert len(narrow(ch)) == cell_len(ch) == 1
        assert narrow(ch).isascii()
        assert narrow(ch).isprintable()


def test_higher_is_another_letter():
    assert narrow(BLOCKS) == " __-=+*%#"
    assert len({narrow(ch) for ch in "█▄░· "}) == 5


def test_escapes_and_ascii_are_left_alone():
    line = "\x1b[38;2;1;2;3m█\x1b[0m é"
    assert narrow(line) == "\x1b[38;2;1;2;3m#\x1b[0m ?"
    assert re.fullmatch(r"[ -~]*", narrow("日本"))

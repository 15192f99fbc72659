from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadscope.model.text import clean
from threadscope.model.units import first_of

nasty = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x9b\x9d\x07\r\n\t\x00\x7f\u202e\u2066\u200f\ufeff\u2028[]0;mHJ\\"),
    )
)


@given(nasty)
def test_nothing_that_steers_a_terminal_survives(text):
    for ch in clean(text):
        assert unicodedata.category(ch)[0] != "C", "control, format (bidi), surrogate, unassigned"
        assert unicodedata.category(ch) not in ("Zl", "Zp")


@given(nasty, st.integers(1, 40))
def test_once_is_enough(text, limit):
    assert clean(clean(text, limit), limit) == clean(text, limit)


@given(nasty, st.integers(1, 40))
def test_it_is_no_longer_than_asked(text, limit):
    assert len(clean(text, limit)) <= limit


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=500))
def test_plain_text_is_left_as_it_is(text):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\x", "x"),
        ("\x1b]52;c;Y2xpcA==", ""),
        ("\x1b(Bx", "(Bx"),
        ("a\x9b31mb", "a31mb"),
        ("\x1b", ""),
        ("one\ntwo\r\nthree", "onetwothree"),
        ("a\tb", "a    b"),
        ("file\u202egnp.exe", "filegnp.exe"),
        ("naïve 漢字 🎉 é", "naïve 漢字 🎉 é"),
        ("x" * 501, "x" * 499 + "…"),
    ],
)
def test_examples(text, left):
    assert clean(text) == left


def test_of_many_names_the_first_are_named():
    names = [f"/{n}" for n in range(42)]
    assert first_of(names[:1]) == "/0"
    assert first_of(names[:4]) == "/0, /1, /2, /3"
    assert first_of(names[:5]) == "/0, /1, /2 and 2 more"
    assert first_of(names) == "/0, /1, /2 and 39 more"

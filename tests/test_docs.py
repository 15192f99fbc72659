"""The reference pages say what the code says."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from threadscope.model import behaviour
from threadscope.model.snapshot import Word
from threadscope.probe import layout
from threadscope.tui.keys import KEYS

DOCS = Path(__file__).parent.parent / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_keys_are_the_keys() -> None:
    described = [(row[0].replace("`", ""), row[1]) for row in rows(page("keys.md"))[2:]]

    assert described == [(key.pair or key.display, key.help) for key in KEYS if key.help]


def test_every_key_is_shown_somewhere() -> None:
    shown = " ".join(row[0] for row in rows(page("keys.md"))) + page("keys.md")

    assert [key.display for key in KEYS if key.help and f"`{key.display}`" not in shown] == []


def test_ring_format_names_everything_of_the_layout() -> None:
    text = page("ring-format.md")
    names = [name for name in vars(layout) if name.isupper()]

    assert len(names) > 90
    assert [name for name in names if f"`{name}`" not in text] == []


def test_ring_format_names_nothing_else() -> None:
    named = set(re.findall(r"`([A-Z]+_?[A-Z_]*)`", page("ring-format.md")))
    foreign = {"NAME", "PID", "START", "THREADSCOPE_DIR", "CLOCK_MONOTONIC", "TSRING"}

    assert {name for name in named - foreign if not hasattr(layout, name)} == set()


@pytest.mark.parametrize("kind", [
    "ARRIVE", "ENDPOINT", "STEP", "END", "HOP_IN", "HOP_OUT", "LIMITER", "LAG", "STALL", "SEND",
    "DONE",
])  # fmt: skip
def test_ring_format_has_the_kinds_numbers(kind: str) -> None:
    numbers = {row[1].strip("`"): row[0] for row in rows(page("ring-format.md")) if len(row) == 3}

    assert numbers[kind] == str(getattr(layout, kind))


@pytest.mark.parametrize("flag", [name for name in vars(layout) if name.startswith("F_")])
def test_ring_format_has_the_flags_bits(flag: str) -> None:
    bits = {row[0].strip("`"): row[1] for row in rows(page("ring-format.md")) if len(row) == 4}

    assert bits[flag] == str(getattr(layout, flag))


@pytest.mark.parametrize("prefix", ["W_", "C_", "O_"])
def test_ring_format_has_each_word_at_its_place(prefix: str) -> None:
    places: dict[str, str] = {}
    for row in rows(page("ring-format.md")):
        names = re.findall(r"`([A-Z_]+)`", row[1]) if len(row) == 3 else []
        numbers = re.split(r", ", row[0].split(" to ")[0])
        if names and names[0].startswith(prefix):
            places.update(zip(names, numbers, strict=True))

    code = {name: str(n) for name, n in vars(layout).items() if name.startswith(prefix)}
    assert places == code


def test_ring_format_has_the_records_offsets() -> None:
    cells = [cell for row in rows(page("ring-format.md")) if len(row) == 7 for cell in row]
    order = "<" + layout.RECORD.format[1:]
    fields = re.findall(r"[A-Z]", order)
    offsets = [struct.calcsize("<" + "".join(fields[:i])) for i in range(len(fields))]
    names = [name for name in vars(layout) if name.startswith("R_")]

    for name, offset in zip(names, offsets, strict=False):
        at = next(i for i, cell in enumerate(cells) if f"`{name}`" in cell)
        assert cells[at - 1] == str(offset), name


def test_ring_format_has_the_sections_places() -> None:
    text = page("ring-format.md")
    names = ("S_CELLS", "S_OPEN", "S_STRINGS", "S_RECORDS")

    for name, (offset, size, items) in zip(names, layout.sections(), strict=True):
        row = next(row for row in rows(text) if f"`{name}`" in row[0])
        assert row[1] == f"{offset:,}"
        assert row[2].split()[0] == f"{items:,}"
        assert re.match(r"\d+", row[3])[0] == str(size)
    assert f"{layout.total_size():,} bytes" in text


def test_screen_explains_each_word_with_its_thresholds() -> None:
    text = page("screen.md")
    table = {row[0]: row[1] for row in rows(text) if len(row) == 2}

    assert {word.value.upper() for word in Word} <= table.keys()
    assert f"{behaviour.PARALLEL_CORES:g} cores" in table["PARALLEL"]
    assert f"{behaviour.HELD_SHARE:.0%}".replace("%", " %") in table["SEQUENTIAL"]
    assert f"{behaviour.ALONE_SHARE:.0%}".replace("%", " %") in table["SEQUENTIAL"]
    assert f"{behaviour.ENOUGH_NS / 1e9:g} s" in table["IDLE"]


def test_pages_name_no_place_of_this_machine() -> None:
    for path in DOCS.glob("*.md"):
        assert not re.search(r"/(work|root|home)/", path.read_text(encoding="utf-8")), path.name

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
PACKAGE = Path(layout.__file__).parent.parent


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
    "DONE", "HOP_END",
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


def modules(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.py") if not path.name.startswith("__")}


def section(name: str, title: str) -> str:
    """A page's text from one heading of the second level to the next."""
    _, found, text = page(name).partition(f"\n## {title}\n")
    assert found
    return text.partition("\n## ")[0]


def test_architecture_lists_the_package() -> None:
    listed = section("architecture.md", "Packages").split("```")[1]
    entries = re.findall(r"^  ((?:\w+\.py(?:, )?)+|\w+/)", listed, re.MULTILINE)
    named = [name for entry in entries for name in entry.split(", ")]
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}

    assert sorted(named) == sorted(modules(PACKAGE) | packages)


def test_architecture_says_what_each_module_of_the_model_holds() -> None:
    table = rows(section("architecture.md", "Inside the model"))
    named = {name for row in table for name in re.findall(r"`(\w+\.py)`", " ".join(row))}

    assert named == modules(PACKAGE / "model")


def test_links_between_the_pages_lead_somewhere() -> None:
    """To a file of this repository, and to a heading of it where one is named."""
    pages = [*DOCS.parent.glob("*.md"), *DOCS.glob("*.md")]
    links = [(path, to) for path in pages for to in targets(path)]

    assert len(links) > 30
    assert [(path.name, to) for path, to in links if not leads_somewhere(path, to)] == []


def targets(path: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    return [to for to in found if not to.startswith("https://")]


def leads_somewhere(path: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    there = path.parent / name if name else path
    return there.exists() and (not heading or heading in anchors(there))


def anchors(path: Path) -> set[str]:
    """What a page's headings are called in links, as GitHub has it."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings}


def test_pages_name_no_place_of_this_machine() -> None:
    for path in DOCS.glob("*.md"):
        assert not re.search(r"/(work|root|home)/", path.read_text(encoding="utf-8")), path.name

"""docs/reliability.md names tests that there are, and all of these here."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(test_\w+)`", PAGE))


def names_in(folder):
    found = (
        re.findall(r"def (test_\w+)\(", path.read_text()) for path in folder.rglob("test_*.py")
    )
    return {name for names in found for name in names}


def test_each_test_that_it_names_exists():
    assert len(NAMED) > 40
    assert sorted(NAMED - names_in(TESTS)) == []


def test_each_fault_that_is_tried_for_real_is_in_it():
    files = Path(__file__).parent.glob("test_fault_*.py")
    real = {
        name
        for path in files
        for name in re.findall(r"def (test_\w+)\((?:watch|serve)\b", path.read_text())
    }
    assert len(real) > 8
    assert sorted(real - NAMED) == []

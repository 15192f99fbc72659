"""docs/load.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from threadscope.load.answer import ErrorKind
from threadscope.load.plan import MAX_BODY
from threadscope.load.schedule import MAX_WAITING, ON_TIME_NS
from threadscope.options import LOAD_OPTIONS

TEXT = (Path(__file__).parents[2] / "docs" / "load.md").read_text(encoding="utf-8")


def options() -> list[click.Option]:
    @click.command
    def command() -> None:
        pass

    for option in LOAD_OPTIONS:
        option(command)
    return [one for one in command.params if isinstance(one, click.Option)]


@pytest.mark.parametrize("option", options(), ids=lambda one: one.name)
def test_every_option_is_explained(option):
    rows = [line for line in TEXT.splitlines() if line.startswith("| `-")]
    assert all(any(f"`{name}`" in row for row in rows) for name in option.opts)


def test_every_kind_of_error_is_explained():
    told = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert {kind.name.lower() for kind in ErrorKind if kind} <= set(told)


def test_the_limits_are_the_codes_own():
    assert f"up to {MAX_BODY >> 20} MiB" in TEXT
    assert f"within {ON_TIME_NS // 1_000_000} ms of its moment" in TEXT
    assert f"{MAX_WAITING:,} others" in TEXT

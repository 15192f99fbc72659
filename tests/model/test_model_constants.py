"""`model` imports nothing of the probe: what both must know is written twice, and is the same."""

from __future__ import annotations

import pytest

from threadscope.model import records, thread_table
from threadscope.probe import layout as L

KINDS = (
    "ARRIVE", "ENDPOINT", "STEP", "END", "HOP_IN", "HOP_OUT", "LIMITER", "LAG", "STALL", "SEND",
    "DONE",
)  # fmt: skip
FLAGS = ("F_ENDPOINT", "F_ASYNC", "F_FAILED", "F_ONLY", "F_LAG_LOOP", "STEP_RECORD_NS")


@pytest.mark.parametrize("name", KINDS + FLAGS)
def test_kinds_and_flags(name):
    assert getattr(records, name) == getattr(L, name)


@pytest.mark.parametrize("name", ["ROLE_LOOP", "ROLE_WORKER", "ROLE_PROBE"])
def test_roles(name):
    assert getattr(thread_table, name) == getattr(L, name)


def test_the_separator():
    assert records.SEPARATOR == L.SEPARATOR


def test_an_endpoint_from_its_string():
    found = records.endpoint(L.SEPARATOR.join(("GET", "/x", "f", "def", "a.py:3", "more")))
    assert found.label == "GET /x"
    assert (found.name, found.kind, found.place) == ("f", "def", "a.py:3")
    assert records.endpoint("").label == ""
    assert records.endpoint("work").method == "work"

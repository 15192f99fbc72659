"""A closer look from outside: when it is taken, and that it tells of no other step."""

from __future__ import annotations

import json
import sys

import pytest

from tests.integration.command import eventually
from tests.model.by_hand import LOOP, Watched, at, cell, route
from threadscope import closer
from threadscope.closer import Closer
from threadscope.probe import layout as L

FRAMES = [
    {"name": "match", "filename": "/usr/lib/python3.11/re.py", "line": 2},
    {"name": "find", "filename": "/srv/app/regex.py", "line": 9},
    {"name": "_run_once", "filename": "/usr/lib/python3.11/asyncio/base_events.py", "line": 3},
    {"name": "main", "filename": "/srv/app/start.py", "line": 1},
]
SAID = [{"os_thread_id": LOOP, "owns_gil": True, "frames": FRAMES}]


@pytest.fixture
def watched(monkeypatch, tmp_path):
    """A server whose only step lasts, and a program that says what py-spy would."""
    program = tmp_path / "py-spy"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(SAID)!r})\n")
    program.chmod(0o700)
    monkeypatch.setattr(closer, "find_py_spy", lambda: str(program))
    one = Watched()
    one.look(500, cells=lasting(one, 10))
    return one


def lasting(watched, since):
    what = watched.server.what(route())
    return [cell(LOOP, L.ROLE_LOOP, request=1, since=since, what=what)]


def looked(one, watched):
    """Begins a look and waits for its end."""
    one.look(watched.aggregator, at(600))
    eventually(lambda: one._found is not None or one._thread is None, what="a look")


def place(watched, t):
    watched.aggregator.advance(at(t))
    return watched.aggregator._fold.holds._places


def test_the_place_of_a_step_that_lasts_is_told(watched, monkeypatch):
    one = Closer()
    looked(one, watched)
    monkeypatch.setattr(one, "_found", one._found._replace(at=at(650)))
    one.look(watched.aggregator, at(700))
    assert place(watched, 900) == {
        (1, LOOP): (at(10), "regex.py:9 in find()", "re.py:2 in match()")
    }
    assert watched.aggregator.unseen(at(900)) == []
    one.close()


def test_a_look_that_came_too_late_is_forgotten(watched, monkeypatch):
    one = Closer()
    looked(one, watched)
    monkeypatch.setattr(one, "_found", one._found._replace(at=at(650)))
    watched.look(700, cells=lasting(watched, 640))
    one.look(watched.aggregator, at(700))
    assert place(watched, 900) == {}
    one.close()


def test_a_look_waits_for_rings_that_were_read_after_it(watched, monkeypatch):
    one = Closer()
    looked(one, watched)
    monkeypatch.setattr(one, "_found", one._found._replace(at=at(750)))
    one.look(watched.aggregator, at(700))
    assert place(watched, 900) == {}
    one.look(watched.aggregator, at(800))
    assert len(place(watched, 1000)) == 1
    one.close()


def test_without_py_spy_nothing_is_begun(watched, monkeypatch):
    monkeypatch.setattr(closer, "find_py_spy", lambda: None)
    one = Closer()
    one.look(watched.aggregator, at(600))
    assert (one._thread, one._found) == (None, None)
    one.close()


def test_where_it_is_not_let_in_it_does_not_ask_again_soon(watched, monkeypatch):
    monkeypatch.setattr(closer, "find_py_spy", lambda: "/bin/false")
    one = Closer()
    looked(one, watched)
    assert one._found is None
    begun = one._next
    one.look(watched.aggregator, begun - 1)
    assert (one._thread, one._next) == (None, begun)

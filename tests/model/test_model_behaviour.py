"""The word for the behaviour, at each side of each threshold."""

from __future__ import annotations

import pytest

from threadscope.model.behaviour import Evidence, behaviour
from threadscope.model.snapshot import Word

S = 1_000_000_000


def shares(*, seen=5.0, wanted=5.0, alone=0.0, one_hop=1.0, held=0.0, cores=0.5, open=1.0):
    """Evidence from seconds, and shares of the wanted time."""
    return Evidence(
        seen=seen * S, wanted=wanted * S, alone=alone * wanted * S, one_hop=one_hop * wanted * S,
        held=held * wanted * S, cpu=cores * wanted * S, open=open * seen * S,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        (shares(cores=1.25, alone=1.0, held=1.0), Word.PARALLEL),
        (shares(cores=1.249, alone=1.0, held=1.0), Word.SEQUENTIAL),
        (shares(held=0.90), Word.SEQUENTIAL),
        (shares(held=0.899), Word.CONCURRENT),
        (shares(alone=0.95), Word.SEQUENTIAL),
        (shares(alone=0.949), Word.CONCURRENT),
        (shares(held=1.0, one_hop=0.95), Word.SEQUENTIAL),
        (shares(held=1.0, alone=1.0, one_hop=0.949), Word.CONCURRENT),
        (shares(seen=5, wanted=0.5, alone=1.0), Word.SEQUENTIAL),
        (shares(seen=5, wanted=0.499, alone=1.0), Word.IDLE),
        (shares(seen=1, wanted=0.2, alone=1.0), Word.SEQUENTIAL),
        (shares(seen=1, wanted=0.199, alone=1.0), Word.IDLE),
        (shares(seen=1, wanted=0), Word.IDLE),
        (shares(seen=0.999, wanted=0.199), Word.UNKNOWN),
        (shares(seen=0.3, wanted=0.2, alone=1.0), Word.SEQUENTIAL),
        (Evidence(), Word.UNKNOWN),
    ],
)
def test_thresholds(evidence, word):
    assert behaviour(evidence).word == word


def test_four_requests_behind_a_middleware_that_are_all_open_are_sequential():
    """`BaseHTTPMiddleware`, 4 CPU-bound `async def`: all open, the loop serves one at a time."""
    found = behaviour(shares(alone=0.02, one_hop=1.0, held=0.985, cores=1.0))
    assert found.word == Word.SEQUENTIAL
    assert "holds the event loop" in found.reason


def test_hello_as_def_is_concurrent_though_it_uses_more_than_a_core():
    found = behaviour(shares(alone=0.1, one_hop=0.4, held=0.55, cores=1.06))
    assert found.word == Word.CONCURRENT
    assert "worker threads" in found.reason


def test_hello_as_async_def_is_sequential():
    assert behaviour(shares(alone=1.0, held=0.6, cores=0.98)).word == Word.SEQUENTIAL


def test_sleeping_async_def_takes_turns():
    found = behaviour(shares(alone=0.0, held=0.02, cores=0.05))
    assert found.word == Word.CONCURRENT
    assert "take turns on the event loop" in found.reason


def test_where_no_request_reached_the_app_there_is_no_word():
    """All clients wait: the server is stopped, or refuses what they ask."""
    found = behaviour(shares(alone=1.0, open=0.0, cores=0.0))
    assert found.word == Word.UNKNOWN
    assert found.reason == "requests wait, and none of them has reached the app"


def test_unknown_says_why():
    found = behaviour(shares(), limited="no probe in the server")
    assert (found.word, found.reason, found.evidence) == (
        Word.UNKNOWN, "no probe in the server", {},
    )  # fmt: skip


def test_the_word_comes_with_the_numbers_that_it_stands_on():
    found = behaviour(shares(alone=0.25, one_hop=0.5, held=0.125, cores=0.75))
    assert found.evidence == {
        "cores_used": 0.75, "loop_held_share": 0.125, "alone_share": 0.25, "one_hop_share": 0.5,
    }  # fmt: skip


def test_evidence_adds_up():
    total = Evidence(1, 2, 3, 4, 5, 6, 7)
    total.add(Evidence(10, 20, 30, 40, 50, 60, 70))
    assert total == Evidence(11, 22, 33, 44, 55, 66, 77)


def test_several_loops_are_said_of_several_only():
    held = shares(held=1.6, one_hop=1.0)
    assert "several event loops" in behaviour(held, loops=2).reason
    assert "the event loop" in behaviour(held, loops=1).reason

"""When the load rests, so that answers are looked at together."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from threadscope.load.asker import Orders
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.rests import ENOUGH, LAST, LEAST_NS, MOST_NS, PART, Rests
from threadscope.load.tally import Tally


def seen(*answers: int) -> Rests:
    """Rests that know some answers, by what each lot of them took."""
    rests = Rests()
    for took in answers:
        for _ in range(LAST):
            rests.answered(took, 1)
    return rests


async def rested(took: int) -> int:
    """ns that passed until the event loop was asked again, after two answers."""
    rests = seen(took)
    begin = time.monotonic_ns()
    rests.answered(took, ENOUGH)
    rests.answered(took, ENOUGH)
    assert rests.coming
    await asyncio.sleep(0)
    assert not rests.coming
    return time.monotonic_ns() - begin


@pytest.mark.parametrize(
    ("took", "least"),
    [(LEAST_NS * PART, LEAST_NS), (MOST_NS * PART, MOST_NS), (10**12, MOST_NS)],
)
def test_a_rest_is_a_part_of_what_an_answer_takes(took, least):
    assert asyncio.run(rested(took)) >= least


@pytest.mark.parametrize(
    ("before", "clients"),
    [
        ((LEAST_NS * PART - 1,), 1000),  # it would be felt
        ((10**9,), ENOUGH - 1),  # it would be of no use
        ((), 1000),  # nothing is known
        ((10**9, 10**6), 1000),  # some were quick a moment ago
    ],
)
def test_no_rest(before, clients):
    rests = seen(*before)
    rests.answered(10**9, clients)
    assert not rests.coming


@pytest.mark.parametrize(
    ("plan", "rests"),
    [
        ({}, True),
        ({"model": Model.OPEN, "rate": 100.0}, False),
        ({"model": Model.BURST, "requests": ENOUGH}, False),
    ],
)
def test_nobody_rests_while_moments_are_due(plan, rests):
    given = LoadPlan("http://127.0.0.1:8000/", clients=ENOUGH, **plan)
    orders = Orders(given, Tally(given), None, itertools.count(1).__next__, 0)
    assert (orders.rests is not None) is rests

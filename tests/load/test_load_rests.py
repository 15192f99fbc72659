"""When the load rests, so that answers are looked at together."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from threadscope.load.answer import Answer
from threadscope.load.asker import Asker, Orders
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.rests import ENOUGH, LEAST_NS, MOST_NS, PART, Rests
from threadscope.load.tally import Tally


async def rested(took: int) -> int:
    """ns that passed until the event loop was asked again, after two answers."""
    rests = Rests()
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


@pytest.mark.parametrize(("took", "clients"), [(LEAST_NS * PART - 1, 1000), (10**9, ENOUGH - 1)])
def test_no_rest_where_it_would_be_felt_or_be_of_no_use(took, clients):
    rests = Rests()
    rests.answered(took, clients)
    assert not rests.coming


@pytest.mark.parametrize(
    ("plan", "rests"), [({}, True), ({"model": Model.OPEN, "rate": 100.0}, False)]
)
def test_nobody_rests_while_moments_are_due(plan, rests):
    async def play() -> bool:
        given = LoadPlan("http://127.0.0.1:8000/", clients=ENOUGH, **plan)
        orders = Orders(given, Tally(given), None, itertools.count(1).__next__, 0)
        orders.allowed = ENOUGH
        one = Asker(1, orders)
        one.ask(None)
        one.answered(Answer(200, time.monotonic_ns() + 10**9, 0))
        return orders.rests is not None and orders.rests.coming

    assert asyncio.run(play()) is rests

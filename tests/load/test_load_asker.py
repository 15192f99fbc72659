"""One client's requests: which is next, and what is counted of each."""

from __future__ import annotations

import itertools

import pytest

from threadscope.load.answer import Answer, ErrorKind, NoAnswer
from threadscope.load.asker import Asker, Orders
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.tally import Tally

URL = "http://127.0.0.1:8000/"


def asker(number=1, allowed=1, **plan):
    given = LoadPlan(URL, **plan)
    orders = Orders(given, Tally(given), None, itertools.count(1).__next__, 0)
    orders.allowed = allowed
    return Asker(number, orders), orders


def test_requests_and_turns_are_numbered_through():
    one, _ = asker(clients=1)
    assert [one.ask(None), one.again(), one.again()] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("number", "allowed", "plan"),
    [
        (3, 2, {}),
        (1, 0, {}),
        (1, 1, {"requests": 1}),
        (1, 1, {"model": Model.OPEN, "rate": 1.0}),
    ],
)
def test_nothing_follows_unasked(number, allowed, plan):
    one, _ = asker(number, allowed, **plan)
    one.ask(None)
    assert one.again() is None


def test_what_was_answered_cannot_fail_or_be_cut_off():
    one, orders = asker()
    one.ask(None)
    assert orders.tally.in_flight == 1
    one.answered(Answer(200, 5, 0))
    one.failed(NoAnswer(ErrorKind.TIMEOUT, "a moment later"))
    one.cut_off()
    assert (orders.tally.answered, orders.tally.failed, orders.tally.cut_off) == (1, 0, 0)
    one.ask(None)
    one.cut_off()
    one.cut_off()
    assert (orders.tally.cut_off, orders.tally.in_flight) == (1, 0)


def test_a_failure_is_counted_once_and_by_its_kind():
    one, orders = asker()
    one.ask(None)
    one.failed(NoAnswer(ErrorKind.RESET, "gone"))
    one.failed(NoAnswer(ErrorKind.TIMEOUT, "late"))
    one.cut_off()
    assert (orders.tally.failed, orders.tally.cut_off, orders.tally.in_flight) == (1, 0, 0)


def test_it_is_settled_when_each_client_was_answered_or_has_left():
    one, orders = asker(clients=2, allowed=2)
    for _ in range(3):
        one.ask(None)
        one.answered(Answer(200, 5, 0))
    assert not orders.settled.is_set()
    orders.count_in(2)
    assert orders.settled.is_set()


def test_on_a_schedule_it_is_settled_after_as_many_answers_as_clients():
    one, orders = asker(clients=2, allowed=2, model=Model.OPEN, rate=5.0)
    for settled in (False, True):
        one.ask(1)
        one.answered(Answer(200, 5, 0))
        assert orders.settled.is_set() is settled

"""Records of the load that nobody could read: who asked again has had its answer."""

from __future__ import annotations

from tests.model.by_hand import Watched


def in_flight(watched, t):
    return watched.fold(t).in_flight


def read(watched, t, **lost):
    watched.aggregator.add_batch(watched.load.batch(t, **lost), load=True)


def asked_by_four():
    watched = Watched()
    for client in (1, 2, 3, 4):
        watched.load.send(client, client, client)
    watched.look(50)
    assert in_flight(watched, 200) == 4
    return watched


def test_a_client_whose_answer_was_lost_is_in_flight_once():
    watched = asked_by_four()
    read(watched, 210, dropped=3)
    for client in (1, 2, 3):
        watched.load.send(220, 10 + client, client)
    read(watched, 230)
    assert in_flight(watched, 400) == 4
    watched.load.done(4, 410, 4, client=4)
    watched.load.done(220, 410, 11, client=1)
    read(watched, 420)
    assert in_flight(watched, 600) == 2


def test_two_answers_of_one_client_that_were_lost():
    watched = asked_by_four()
    watched.load.send(60, 21, 1)
    read(watched, 210, holes=1)
    watched.load.send(220, 31, 1)
    read(watched, 230, holes=1)
    assert in_flight(watched, 400) == 4


def test_where_nothing_was_lost_nobody_is_forgotten():
    watched = asked_by_four()
    watched.load.send(220, 11, 1)
    read(watched, 230)
    assert in_flight(watched, 400) == 5, "as it was told"

"""Light requests beside a load, and answers that are kept."""

from __future__ import annotations

from collections import Counter

import pytest

from threadscope.load.bodies import answerers
from threadscope.load.connection import KEPT_OF_BODY
from threadscope.load.plan import LoadPlan, Model
from threadscope.model.histogram import Histogram
from threadscope.probe import layout as L
from threadscope.rings.reader import RingReader

URL = "http://127.0.0.1:8000"


def light(url: str, rate: float = 50) -> LoadPlan:
    return LoadPlan(f"{url}/slow/light", model=Model.OPEN, rate=rate, clients=20, route="/light")


@pytest.mark.parametrize(
    "beside",
    [
        LoadPlan(f"{URL}/x"),
        LoadPlan(f"{URL}/x", model=Model.BURST),
        LoadPlan(f"{URL}/x", model=Model.OPEN, rate=1.0, beside=(light(URL),)),
    ],
)
def test_what_is_asked_beside_has_a_schedule_and_nothing_beside_itself(beside):
    with pytest.raises(ValueError, match="has a rate, and nothing beside itself"):
        LoadPlan(f"{URL}/heavy", beside=(beside,))


@pytest.mark.integration
def test_light_requests_go_on_as_long_as_the_load_and_are_counted_apart(load, server):
    plan = LoadPlan(f"{server.url}/slow/heavy", clients=2, seconds=1.0, beside=(light(server.url),))
    result = load.run(plan)
    paths = Counter(request["path"] for request in server.seen())
    [beside] = result.beside
    assert beside.route == "/light"
    assert paths == {"/slow/heavy": result.started, "/slow/light": beside.started}
    assert beside.started == beside.completed > 10
    assert beside.failed == result.failed == 0
    assert 0 < Histogram.from_json(beside.histogram).count <= beside.completed
    assert Histogram.from_json(result.histogram).count == result.in_measure


@pytest.mark.integration
def test_the_ring_tells_light_requests_from_the_load(load, server):
    load.run(
        LoadPlan(f"{server.url}/slow/heavy", clients=1, seconds=0.5, beside=(light(server.url),))
    )
    [path] = load.folder.glob("load-*.ring")
    reader = RingReader(path)
    try:
        records = reader.drain(2**62)
        flags = {(reader.text(record[L.R_WHAT]), record[L.R_FLAGS]) for record in records}
    finally:
        reader.close()
    assert flags == {("/slow/heavy", 0), ("/light", L.F_BESIDE)}


@pytest.mark.integration
def test_the_load_off_stops_the_light_requests_too(load, server):
    load.begin(LoadPlan(f"{server.url}/slow/heavy", clients=1, beside=(light(server.url),)))
    from threadscope.load.messages import Result, State
    from threadscope.model.snapshot import PhaseState

    load.wait_for(State, PhaseState.MEASURE)
    load.set_on(False)
    load.stop()
    result = load.wait_for(Result)
    assert result.cut_off == 0
    assert result.beside[0].started == result.beside[0].completed


@pytest.mark.integration
def test_a_burst_tells_which_answers_came_and_how_many_of_each(load, server):
    plan = LoadPlan(f"{server.url}/say/{{client}}", clients=3, model=Model.BURST, keep_bodies=True)
    assert load.run(plan).bodies == {"1": 1, "2": 1, "3": 1}
    same = LoadPlan(f"{server.url}/say/hello", clients=3, requests=7, keep_bodies=True)
    assert load.run(same).bodies == {"hello": 7}
    long = LoadPlan(f"{server.url}/say/{'x' * 500}", clients=1, requests=2, keep_bodies=True)
    assert load.run(long).bodies == {"x" * KEPT_OF_BODY: 2}
    assert load.run(LoadPlan(f"{server.url}/say/hello", clients=1, requests=2)).bodies == {}


def test_threads_are_told_by_the_answers_that_name_them():
    found = answerers(
        {
            '{"thread": "worker", "ident": 7}': 1,
            '{"ident": 7, "thread": "worker"}': 2,
            '{"thread": "MainThread", "ident": 5}': 2,
            "hello": 9,
            "[1]": 9,
            '{"thread": "x"}': 9,
            '{"thread": "x", "ident": "y"}': 9,
        }
    )
    assert [tuple(one) for one in found] == [("worker", 7, 3), ("MainThread", 5, 2)]

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from tests.scale.generated import Observer, Server
from threadscope.model.facts import Endpoint
from threadscope.model.histogram import MANY_BUCKETS
from threadscope.model.ring import OTHER_ROUTES
from threadscope.model.tally import MANY_ROUTES, Tally
from threadscope.probe import layout as L
from threadscope.probe.names import Names
from threadscope.tui.notices import notice_lines


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


@pytest.fixture
def observer(tmp_path):
    return Observer(tmp_path)


def endpoints(count):
    """What a router chooses from: each with a function of its own."""
    made = []
    for number in range(count):
        names = {}
        exec(f"async def read_{number}(id): ...", names)  # as many code objects
        call = names[f"read_{number}"]
        made.append(SimpleNamespace(call=call, path=f"/r{number}/items/{{id}}"))
    return made


def ask(server, observer, owners, ids):
    """Each route is asked for some ids; what is seen at the end."""
    names, t = Names(server.ring), 0
    for owner in owners:
        for number in range(ids):
            t += 0.1
            scope = {"method": "GET", "path": owner.path.replace("{id}", str(number))}
            what = names.endpoint(owner, scope)[0]
            server.arrive(t, what=what)
            server.end(t, what=what)
    return observer.look(t + 600)


def test_a_thousand_routes_are_a_thousand_however_many_ids(server, observer):
    seen = ask(server, observer, endpoints(1000), ids=3)
    assert Counter(route.completed for route in seen.routes) == {3: 1000}
    assert {route.endpoint.route for route in seen.routes} == {
        f"/r{number}/items/{{id}}" for number in range(1000)
    }
    assert seen.health.no_name == 0


def test_routes_beyond_the_names_that_a_ring_holds_are_one(server, observer):
    count = 1500
    seen = ask(server, observer, endpoints(count), ids=2)
    named = [route for route in seen.routes if route.endpoint.name]
    (others,) = [route for route in seen.routes if not route.endpoint.name]
    assert others.endpoint == OTHER_ROUTES
    assert 1000 < len(named) < L.STRINGS
    assert {route.completed for route in named} == {2}
    assert others.completed == 2 * (count - len(named)), "none is lost"
    assert seen.done == 2 * count
    assert seen.health.no_name == count - len(named)
    text = " ".join(text for line in notice_lines(seen, 10, 500) for text, _ in line)
    assert f"no room for {count - len(named)} names: (other routes) has them" in text


def test_ever_new_threads_leave_room_for_routes(server, observer):
    for number in range(3000):  # an executor for each request
        cell = server.ring.cell(10_000 + number, 0, L.ROLE_WORKER, f"ThreadPoolExecutor-{number}_0")
        server.ring.free_cells([cell])
    seen = ask(server, observer, endpoints(400), ids=1)
    assert sum(bool(route.endpoint.name) for route in seen.routes) == 400
    assert seen.health.no_name == 0


def test_the_log_names_them_too(server, observer):
    seen = ask(server, observer, endpoints(1100), ids=1)
    assert seen.log[-1].endpoint == OTHER_ROUTES
    assert all(line.endpoint.route for line in seen.log)


def test_a_long_measurement_of_many_routes_keeps_few_buckets_of_each(server, observer):
    total = Tally()
    for second in range(30):
        tally = Tally()
        for number in range(MANY_ROUTES + 1):
            latency = tally.routes[Endpoint("GET", f"/r{number}")].latency
            for n in range(40):
                latency.add(1_000_000 + 40_009 * (40 * second + n))
        total.add(tally)
        total.coarsen()
    kept = [stats.latency for stats in total.routes.values()]
    assert {histogram.count for histogram in kept} == {1200}
    assert max(len(histogram.counts) for histogram in kept) <= 2 * MANY_BUCKETS


def test_many_routes_are_summed_up_in_parts_over_some_pictures(server, observer):
    seen = ask(server, observer, endpoints(1000), ids=1)
    same = 0
    for n in range(1, 20):
        later = observer.look(100 + 600 + 250 * n)
        assert len(later.routes) == 1000
        if later.routes is not seen.routes:
            break
        same += 1
    else:
        pytest.fail("they are never summed up again")
    assert 2 <= same <= 10
    assert {route.completed for route in later.routes} == {1}


def test_few_routes_are_summed_up_at_once(server, observer):
    seen = ask(server, observer, endpoints(100), ids=1)
    later = observer.look(10 + 600 + 600)
    assert later.routes is not seen.routes

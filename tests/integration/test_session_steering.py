"""A real session, steered faster than anybody could press keys."""

from __future__ import annotations

import os
import random
import signal

import pytest

from tests.integration.command import eventually
from threadscope.asking import Options
from threadscope.demo import demo_session
from threadscope.model.snapshot import PhaseState
from threadscope.session import Session
from threadscope.targets.demos import DEMOS

pytestmark = pytest.mark.integration


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    sessions = []

    def start(**options) -> Session:
        sessions.append(demo_session(DEMOS["cpu"], Options(clients=4, **options), work=300_000))
        sessions[-1].start()
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()
        session.close()  # again does no harm
        assert session.failure is None
    assert not list(tmp_path.glob("threadscope/*"))


@pytest.fixture
def session(start) -> Session:
    """Its measurements end after ten requests."""
    return start(requests=10)


def shown(session, look):
    """The first snapshot that the look likes."""

    def find():
        assert session.failure is None
        snapshot = session.latest()
        return snapshot if snapshot is not None and look(snapshot) else None

    return eventually(find)


def measuring(key: str):
    return lambda s: s.phase.variant.key == key and s.phase.state is PhaseState.MEASURE


def test_the_app_itself_counts_the_same(session):
    session.play(["async", "def"], seconds=None)
    eventually(lambda: session.over)
    output = session.latest().output
    for summary in session.finished:
        path = f"/cpu/{summary.variant.key}/"
        answered = [line for line in output if path in line and line.endswith("200 OK")]
        assert len(answered) == summary.completed == summary.served == 10
    # two threads may print into each other's lines, though not into each other's words
    assert "".join(output).count("end    client") == 20
    assert [summary.variant.key for summary in session.results] == ["async", "def"]


def test_hammered_it_plays_what_was_asked_for_last(session):
    chance = random.Random(7)
    asked = 0
    for _ in range(60):
        action = chance.choice(["variant", "clients", "load", "tour"])
        if action == "variant":
            session.show_variant(chance.choice(["async", "def"]))
        elif action == "clients":
            session.change_clients(chance.choice([-1, 1, 3]))
        elif action == "load":
            session.toggle_load()
        else:
            session.tour()
        asked += action in ("variant", "tour")
    session.show_variant("async")
    last = shown(session, measuring("async"))
    assert last.phase.load_on
    assert not last.phase.tour
    clients = last.phase.clients
    shown(session, lambda s: s.in_flight == clients)
    # every phase that was begun was summed up, and no more than were asked for
    assert len(session.finished) <= 3 * asked
    assert all(one.started == one.completed + one.cut_off for one in session.finished)
    session.finish()
    assert session.over
    assert session.finished[-1].variant.key == "async"
    assert session.finished[-1].clients == clients


def test_load_off_and_on_twice_is_as_before(session):
    session.show_variant("def")
    shown(session, measuring("def"))
    for _ in range(5):
        session.toggle_load()
    shown(session, lambda s: not s.phase.load_on and s.in_flight == 0)
    session.toggle_load()
    shown(session, lambda s: s.phase.load_on and s.in_flight == 4)


def test_more_clients_stay_more_in_the_next_phase(session):
    session.show_variant("def")
    shown(session, measuring("def"))
    session.change_clients(2)
    session.show_variant("async")
    assert shown(session, measuring("async")).phase.clients == 6
    session.change_clients(-100)
    assert shown(session, lambda s: s.phase.clients == 1)


def test_the_tours_measurements_are_compared_and_not_what_came_live(session):
    session.tour()
    shown(session, lambda s: len(s.finished) == 2)
    shown(session, lambda s: s.phase.variant.key == "def" and s.done > 20)  # live
    session.show_variant("async")
    shown(session, measuring("async"))
    session.finish()
    assert len(session.finished) == 4
    assert session.results == session.finished[:2]
    assert [one.completed for one in session.results] == [10, 10]


def test_finish_ends_a_phase_before_its_time_and_says_so(start):
    session = start()
    session.play(["async"], seconds=60)
    shown(session, lambda s: s.phase.state is PhaseState.MEASURE and s.done > 8)
    session.finish()
    [cut] = session.results
    assert cut.aborted == "stopped before its end"
    assert cut.completed == cut.served > 8
    assert session.broken == ""


def test_the_picture_of_a_dead_server_stands_still(session):
    session.show_variant("def")
    os.kill(shown(session, measuring("def")).target.pids[0], signal.SIGKILL)
    last = shown(session, lambda s: s.phase.state is PhaseState.DONE and not s.target.running)
    session.show_variant("async")  # nothing to steer any more
    session.change_clients(1)
    session.finish()
    assert session.broken == "the server was killed by SIGKILL"
    assert session.latest().phase.variant.key == "def"
    assert {row.state for row in last.threads} == {"X"}
    assert [one.current for one in last.lanes] == [()] * len(last.lanes)


def test_finishing_what_never_began(session):
    session.finish()
    assert session.over
    assert session.finished == session.results == []


def test_a_rate_takes_the_place_of_the_clients_and_gives_it_back(session):
    session.show_variant("async")
    shown(session, measuring("async"))
    session.change_rate(up=False)  # nothing is slower than a closed loop
    session.change_rate(up=True)
    first = shown(
        session, lambda s: s.phase.rate is not None and s.phase.state is PhaseState.MEASURE
    )
    session.change_rate(up=True)
    faster = shown(session, lambda s: (s.phase.rate or 0) > first.phase.rate)
    assert faster.marks[-1].text == f"{faster.phase.rate:g} req/s"
    for _ in range(20):
        session.change_rate(up=False)
    assert shown(session, lambda s: s.phase.rate is None and s.done).phase.clients == 4

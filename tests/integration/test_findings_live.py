"""What a live session says while something happens, from a real server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration.command import eventually
from threadscope.asking import Options
from threadscope.demo import demo_session
from threadscope.model.snapshot import Variant
from threadscope.sampling.stacks import find_py_spy, look_at
from threadscope.targets.demo_list import Demo, DemoVariant

pytestmark = pytest.mark.integration
APPS = Path(__file__).parent.parent / "lints" / "apps"
PATIENCE_S = 60


def app(name, path):
    """One of the apps as a demo."""
    variant = DemoVariant(Variant(name, f"async def {path}"), path, path)
    return Demo(name=name, summary=name, app=f"{name}:app", variants=(variant,), clients=2)


@pytest.fixture
def watching(monkeypatch):
    """Starts a session with a demo under load."""
    monkeypatch.setenv("PYTHONPATH", str(APPS))
    started = []

    def start(demo):
        session = demo_session(demo, Options(clients=2))
        started.append(session)
        session.start()
        session.show_variant(demo.variants[0].variant.key)
        return session

    yield start
    for session in started:
        session.close()


def finding(session, lint, fits=lambda found: True):
    """The first finding of a lint that fits, and its snapshot."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        snapshot = session.latest()
        for found in snapshot.findings if snapshot is not None else ():
            if found.lint == lint and fits(found):
                return found, snapshot
        time.sleep(0.05)
    raise AssertionError(f"no {lint} in {PATIENCE_S} s")


def test_code_that_keeps_the_gil_is_named_while_it_runs(watching):
    """No thread of the server can say anything meanwhile: all of it is seen from outside."""
    found, snapshot = finding(watching(app("regex", "/regex")), "loop-blocked")
    assert snapshot.done == 0, "it runs still"
    assert found.message.startswith("`async def regex` (GET /regex) has held the event loop for ")
    assert found.evidence["waiting_max"] == 1


def test_py_spy_tells_the_line_of_code_that_keeps_the_gil(watching, tmp_path):
    program = find_py_spy()
    if program is None:
        pytest.skip("py-spy is not installed")
    session = watching(app("regex", "/regex"))
    try:
        look_at(program, session.target.pids[0], session.target.pids[0])
    except OSError as error:
        pytest.skip(str(error))
    line = f"regex.py:{line_of('regex', 'return SLOW')} in regex()"
    _, snapshot = finding(session, "loop-blocked", lambda x: x.evidence["place"] == line)
    assert snapshot.done == 0, "it runs still: no thread of the server could tell"


def line_of(name, text):
    lines = (APPS / f"{name}.py").read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


def test_a_task_outside_of_any_request_is_named(watching):
    session = watching(app("refresh", "/refresh/quick"))
    found, _ = finding(session, "blocking-call-in-async", lambda x: x.evidence["waiting_max"])
    assert found.message.startswith("code outside any request ")
    assert "refresh.py:" in found.message
    assert found.evidence["endpoint"] == "refresh()"
    quick, outside = eventually(lambda: both(session.latest()), what="the hold is over")
    assert (quick.endpoint.name, outside.endpoint.name) == ("quick", "refresh()")
    assert outside.holds > 0
    assert outside.hold_longest > quick.hold_longest
    assert outside.hold_place.endswith(" in refresh()")
    assert outside.waiters == ("/refresh/quick",)


def both(snapshot):
    """The two rows of view 2, as soon as it has them."""
    rows = sorted(snapshot.routes, key=lambda route: route.endpoint.label)
    return rows if len(rows) == 2 else None

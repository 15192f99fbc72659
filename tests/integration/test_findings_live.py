"""What a live session says while something happens, from a real server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from threadscope.asking import Options
from threadscope.demo import demo_session
from threadscope.model.snapshot import Variant
from threadscope.targets.demo_list import Demo, DemoVariant

pytestmark = pytest.mark.integration
APPS = Path(__file__).parent.parent / "lints" / "apps"
PATIENCE_S = 60
REGEX = Demo(
    name="regex",
    summary="C code that keeps the GIL",
    app="regex:app",
    variants=(DemoVariant(Variant("regex", "async def /regex"), "/regex", "/regex"),),
    clients=2,
)


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(APPS))
    one = demo_session(REGEX, Options(clients=2))
    yield one
    one.close()


def test_code_that_keeps_the_gil_is_named_while_it_runs(session):
    """No thread of the server can say anything meanwhile: all of it is seen from outside."""
    session.start()
    session.show_variant("regex")
    end = time.monotonic() + PATIENCE_S
    found = None
    while found is None and time.monotonic() < end:
        snapshot = session.latest()
        if snapshot is not None and snapshot.done == 0:
            found = next((x for x in snapshot.findings if x.lint == "loop-blocked"), None)
        time.sleep(0.05)
    assert found is not None
    assert found.message.startswith("`async def regex` (GET /regex) has held the event loop for ")
    assert found.evidence["waiting_max"] == 1

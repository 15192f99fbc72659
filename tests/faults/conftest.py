from __future__ import annotations

import pytest

from tests.faults.watched import Watched
from tests.integration.attaching import serve, threadscope_

__all__ = ["serve", "threadscope_", "watch"]


@pytest.fixture
def watch(tmp_path):
    """Starts `threadscope run ... -- SERVER`; whatever a test does to it, nothing of it is left."""
    started = []

    def start(*options, **more):
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir(mode=0o700)
        started.append(Watched(folder, *options, **more))
        return started[-1]

    yield start
    try:
        for one in started:
            assert "Traceback" not in one.out.text + one.err.text
            if one.process.poll() is not None:
                one.assert_nothing_left()
    finally:
        for one in started:
            one.end()

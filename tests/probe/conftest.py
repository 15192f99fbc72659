from __future__ import annotations

import observing
import pytest


@pytest.fixture
def observe(tmp_path):
    """Runs a scenario in a fresh process and gives what is left of it."""

    def run(scenario, *, probe=True, folder=tmp_path):
        seen = observing.run(scenario, folder, probe)
        assert seen.errors == 0, "the probe met an error of its own"
        return seen

    return run

"""Nothing grows while a server is watched: the hour of benchmarks/soak.py, in two minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parent.parent.parent / "benchmarks" / "soak.py"
MINUTES, WARM_S = 2.5, 90
"""The screen keeps a minute: until that is full, memory grows."""


@pytest.mark.soak
def test_nothing_grows_in_two_minutes(tmp_path: Path) -> None:
    found = tmp_path / "soak.json"
    command = [sys.executable, str(SOAK), "--minutes", str(MINUTES), "--warm", str(WARM_S)]
    command += ["--folder", str(tmp_path / "run"), "--json", str(found)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=600)

    assert found.exists(), done.stderr
    budgets = json.loads(found.read_text())["budgets"]
    assert len(budgets) == 10
    assert [one for one in budgets if not one["held"]] == [], done.stdout
    assert done.returncode == 0

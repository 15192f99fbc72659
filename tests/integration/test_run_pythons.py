"""The server's Python need not be ours, and its environment need not know of us."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from tests.integration.command import Command
from tests.pythons import other_python, pure_packages
from threadscope.targets.ports import free_port

pytestmark = pytest.mark.integration
SERVED = Path(__file__).parent / "served"


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_a_server_on_another_python(tmp_path, version):
    python = other_python(version)
    if platform.python_version().startswith(f"{version}."):
        python = sys.executable
    path = os.pathsep.join([str(SERVED), str(pure_packages(tmp_path / "packages"))])
    env = {"PYTHONPATH": path, "COUNT_FILE": str(tmp_path / "count")}
    server = [python, "-m", "uvicorn", "plain:app", "--port", str(free_port()), "--no-access-log"]
    command = Command(
        tmp_path, "run", "--json", "-n", "60", "--url", "/def", "--", *server, env=env
    )
    try:
        assert command.status(60) == 0, command.err.text
        [phase] = command.document["phases"]
        assert phase["target"]["python"].startswith(f"{version}.")
        counted = (tmp_path / "count").stat().st_size
        assert phase["requests"]["completed"] == counted == 60
        assert phase["server"]["requests_completed"] == counted
        [route] = phase["routes"]
        assert (route["endpoint"], route["kind"]) == ("in_a_thread", "def")
        assert sum(thread["hops"] or 0 for thread in phase["server"]["threads"]) == counted
        command.assert_nothing_left()
    finally:
        command.end()

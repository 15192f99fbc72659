"""-W, -A and --set with one's own server, and what of it a saved session keeps."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.integration.command import Command, eventually
from tests.integration.running import Running
from threadscope.recording_report import saved_report

pytestmark = pytest.mark.integration
HERE = Path(__file__).parent
LINT = "blocking-call-in-async"


@pytest.fixture
def server(tmp_path):
    """A server whose `/report` blocks its event loop for 300 ms."""
    one = Running(
        tmp_path, "checked_app:app", before=("-m", "threadscope.probe", "--"),
        env={"PYTHONPATH": f"{HERE}:{HERE.parent.parent}"},
    )  # fmt: skip
    yield one
    one.end()


def found(tmp_path, *words):
    """The names of the lints that a command's report has, by their level."""
    command = Command(tmp_path, *map(str, words))
    try:
        assert command.status() == 0, command.err.text
        [phase] = command.document["phases"]
    finally:
        command.process.kill()
        for stream in (command.process.stdout, command.process.stderr):
            stream.close()
    return {finding["lint"]: finding["level"] for finding in phase["findings"]}


ASKED = ("--json", "-n", "6", "-c", "2", "--url", "/report")


@pytest.mark.skipif(sys.platform != "linux", reason="attach reads /proc")
def test_attach_takes_them_and_a_session_keeps_them(server, tmp_path):
    saved = tmp_path / "x.tscope"
    attach = ("attach", server.pid, *ASKED)
    # a host that has no core for the server hides it: then once more
    assert eventually(lambda: found(tmp_path, *attach).get(LINT)) == "warning"
    assert found(tmp_path, *attach, "-A", "all", "--save", saved) == {}
    [phase] = json.loads(saved_report(saved, "json")[0])["phases"]
    assert phase["findings"] == []
    assert LINT not in found(tmp_path, *attach, "--set", f"{LINT}=20s")


def test_run_takes_them(tmp_path):
    server = ["--", sys.executable, "-m", "uvicorn", "--app-dir", HERE, "checked_app:app"]
    run = ("run", *ASKED, "-A", "all", "-W", LINT)
    assert found(tmp_path, *run, *server) == {LINT: "warning"}

"""A server by any command, as a session has it."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from tests.integration.command import eventually
from threadscope.rings.folder import probe_environment
from threadscope.targets import command
from threadscope.targets.command import CommandTarget
from threadscope.targets.errors import TargetError

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the port in /proc"),
]
LISTEN = """
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print("listening on", s.getsockname()[1], flush=True)
while True:
    s.accept()[0].close()
"""


@pytest.fixture
def start(tmp_path):
    """Starts a target; it ends with the test."""
    started = []

    def start(*words, **options):
        target = CommandTarget(words, **options)
        started.append(target)
        info = target.start(tmp_path, probe_environment(tmp_path, dict(os.environ)))
        return target, info

    yield start
    for target in started:
        target.stop()


def test_its_port_is_found(start):
    target, info = start(sys.executable, "-c", LISTEN, asked=True)
    [line] = eventually(lambda: target.output(5))  # it is read now and then
    port = int(line.split()[-1])
    assert info.url == target.url() == f"http://127.0.0.1:{port}"
    assert info.pids == target.pids()
    assert target.poll() is None
    assert target.waiting() == 0
    assert not target.outlives()
    target.stop()
    with pytest.raises(OSError):  # noqa: PT011  # refused, by whatever name
        socket.create_connection(("127.0.0.1", port), 1)


def test_why_there_is_no_probe_is_said_when_it_had_its_time(start, monkeypatch):
    target, _ = start(sys.executable, "-I", "-c", LISTEN)
    assert target.unseen() == ""
    monkeypatch.setattr(command, "PROBE_S", 0.0)
    assert "-I takes no start-up hook: leave -I out" in target.unseen()


def test_one_that_never_listens_is_watched_all_the_same(start, monkeypatch):
    monkeypatch.setattr(command, "LISTEN_S", 0.2)
    target, info = start(sys.executable, "-c", "import time; time.sleep(60)")
    assert (info.url, target.unseen(), target.waiting()) == ("", "", None)
    assert target.poll() is None


def test_one_that_never_listens_cannot_be_asked(start, monkeypatch):
    monkeypatch.setattr(command, "ASK_S", 0.2)
    with pytest.raises(TargetError, match=r"listens on no port after .* give a whole URL"):
        start(sys.executable, "-c", "import time; time.sleep(60)", asked=True)

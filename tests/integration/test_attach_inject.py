"""`threadscope attach --inject`: a probe comes into a server that runs, and what that leaves."""

from __future__ import annotations

import os
import re
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests.integration.command import eventually
from tests.integration.running import SERVED, Clients
from tests.pythons import other_python, pure_packages
from threadscope.rings.folder import sweep

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="attach reads /proc"),
]


@pytest.fixture
def serve_3_14(serve, tmp_path):
    """Starts a plain server on Python 3.14."""
    path = os.pathsep.join([str(SERVED), str(pure_packages(tmp_path / "packages"))])
    return lambda **more: serve(python=[other_python("3.14")], env={"PYTHONPATH": path}, **more)


def report(command):
    """The only phase of its report."""
    assert command.status() == 0, command.err.text
    [phase] = command.document["phases"]
    return phase


# -- what is seen ----------------------------------------------------------------------------------
def test_a_plain_server_on_3_14_takes_a_probe_in(serve_3_14, threadscope_):
    server = serve_3_14()
    with Clients(server.port, "/def") as clients:
        clients.more()
        phase = report(threadscope_("attach", server.pid, "--inject", "--json", "-z", "2s"))
        clients.more()
        again = report(threadscope_("attach", server.pid, "--json", "-z", "1s"))
    assert not clients.errors
    assert set(clients.statuses) == {200}
    assert phase["target"]["python"].startswith("3.14.")
    for one in (phase, again):
        assert 0 < one["requests"]["completed"] == one["server"]["requests_completed"]
        assert one["requests"]["failed"] == 0
        assert sum(thread["hops"] or 0 for thread in one["server"]["threads"]) > 0


def test_workers_that_start_later_get_the_probe_too(serve_3_14, threadscope_, tmp_path):
    server = serve_3_14(more=["--workers", "2"])
    started = "Application startup complete"
    eventually(lambda: server.log.read_text().count(started) == 2, what="both workers are up")
    watching = threadscope_("attach", server.pid, "--inject", "--no-tui")
    eventually(lambda: len(probed(tmp_path)) == 2, what="both workers have a probe")
    before = probed(tmp_path)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(probed(tmp_path) - before) == 2, what="so have those that replace them")
    with Clients(server.port, "/def", 6) as clients:
        eventually(lambda: done(watching) > 50, what="their requests are seen")
    assert not clients.errors
    watching.signal(signal.SIGINT)
    assert watching.status() == 128 + signal.SIGINT


def done(watching):
    """Requests that were seen to end, by its last line."""
    return max(map(int, re.findall(r"  done (\d+)", watching.out.plain)), default=0)


def probed(folder):
    """Processes whose rings were ever made."""
    rings = folder.glob("threadscope/run-*/server-*.ring")
    return {int(ring.name.split("-")[1]) for ring in rings}


def test_an_older_python_takes_none_in(serve, threadscope_, tmp_path):
    if sys.version_info >= (3, 14):
        pytest.skip("this Python is not older than 3.14")
    server = serve()
    refused = threadscope_("attach", server.pid, "--inject", "--json")
    assert refused.status() == 1
    assert refused.out.text == ""
    assert "older than 3.14: start it by `threadscope run`" in refused.err.text
    with Clients(server.port, "/def") as clients:
        clients.more()
    assert list((tmp_path / "threadscope").iterdir()) == []


# -- what it leaves on the disk --------------------------------------------------------------------
def left(folder):
    """All files and folders of ours, all of which are this user's, and their modes."""
    base = folder / "threadscope"
    found = {str(path.relative_to(base)): path.lstat() for path in base.rglob("*")}
    assert {status.st_uid for status in found.values()} <= {os.getuid()}
    return {name: oct(stat.S_IMODE(status.st_mode)) for name, status in found.items()}


def ring_of(server, folder):
    """Where its ring is, below the folder of all rings."""
    [path] = (folder / "threadscope").glob(f"run-{server.pid}-*/server-{server.pid}-*.ring")
    return path.relative_to(folder / "threadscope")


def test_a_probe_stays_when_the_monitor_goes_and_its_ring_goes_after_the_server(
    serve_3_14, threadscope_, tmp_path
):
    server = serve_3_14()
    watching = threadscope_("attach", server.pid, "--inject", "--no-tui")
    watching.wait_for("-- 00:0")
    ring = ring_of(server, tmp_path)
    assert oct((tmp_path / "threadscope").stat().st_mode & 0o777) == "0o700"
    private = {str(ring.parent): "0o700", str(ring): "0o600"}
    [own] = left(tmp_path).keys() - private.keys()
    assert own.startswith(f"run-{watching.process.pid}-")
    assert left(tmp_path) == {**private, own: "0o700"}
    watching.signal(signal.SIGINT)
    assert watching.status() == 128 + signal.SIGINT
    assert left(tmp_path) == private
    assert sweep(tmp_path / "threadscope") == [], "as long as the server lives"
    server.end()
    assert sweep(tmp_path / "threadscope") == [tmp_path / "threadscope" / ring.parent]
    assert left(tmp_path) == {}


def test_nothing_is_left_when_the_server_ends_first(serve_3_14, threadscope_, tmp_path):
    server = serve_3_14()
    watching = threadscope_("attach", server.pid, "--inject", "--no-tui")
    watching.wait_for("-- 00:0")
    assert ring_of(server, tmp_path)
    server.end()
    assert watching.status() == 1
    assert left(tmp_path) == {}
    assert "threadscope" not in server.log.read_text()


def test_without_the_flag_nothing_comes_in(serve_3_14, threadscope_, tmp_path):
    server = serve_3_14()
    watching = threadscope_("attach", server.pid, "--no-tui")
    watching.wait_for("-- 00:0")
    assert "add --inject" in watching.out.plain
    [own] = left(tmp_path)
    assert own.startswith(f"run-{watching.process.pid}-")
    watching.signal(signal.SIGINT)
    assert watching.status() == 128 + signal.SIGINT
    assert left(tmp_path) == {}
    assert ".ring" not in Path(f"/proc/{server.pid}/maps").read_text()

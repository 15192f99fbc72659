"""`threadscope attach` and `dump`: what they see of a server, and that they leave it alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import threadscope
from tests.integration.command import eventually
from tests.integration.running import SERVED, Clients
from threadscope.probe import layout as L
from threadscope.rings.reader import RingReader

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="attach reads /proc"),
]
DORMANT = ("-m", "threadscope.probe", "--")
HOME = str(Path(threadscope.__file__).parent.parent)


def report(command):
    """The only phase of its report."""
    assert command.status() == 0, command.err.text
    [phase] = command.document["phases"]
    return phase


def dormant(server):
    """A server that was started with a probe that sleeps."""
    return server(before=DORMANT, env={"PYTHONPATH": os.pathsep.join([str(SERVED), HOME])})


def ring_of(server, folder):
    [path] = folder.glob(f"threadscope/run-*/server-{server.pid}-*.ring")
    return RingReader(path)


def ended(server, folder):
    """Requests that its probe counted."""
    reader = ring_of(server, folder)
    try:
        return sum(cell.ended for cell in reader.cells())
    finally:
        reader.close()


# -- without a probe -------------------------------------------------------------------------------
def test_a_plain_server_shows_its_threads_and_says_why_no_more(serve, threadscope_):
    server = serve()
    with Clients(server.port, "/slow", 4) as clients:
        clients.more()
        phase = report(threadscope_("attach", server.pid, "--json", "-z", "1s"))
        clients.more()
    assert set(clients.statuses) == {200}
    assert phase["target"]["pids"] == [server.pid]
    assert phase["target"]["url"] == f"http://127.0.0.1:{server.port}"
    assert phase["requests"] == dict.fromkeys(phase["requests"]), "nothing is known of them"
    assert phase["load"] is None
    assert phase["server"]["behaviour"] == "unknown"
    assert "threadscope run" in phase["server"]["reason"] or "--inject" in phase["server"]["reason"]
    assert {thread["tid"] for thread in phase["server"]["threads"]} <= server.threads()


def test_by_port_and_by_worker_it_is_the_whole_server(serve, threadscope_):
    server = serve(more=["--workers", "2"])
    listed = threadscope_("attach")
    assert listed.status() == 0
    assert f"{server.pid}  127.0.0.1:{server.port}" in listed.out.text
    by_port = report(threadscope_("attach", f":{server.port}", "--json", "-z", "500ms"))
    workers = by_port["target"]["pids"][1:]
    assert len(workers) >= 2
    by_worker = report(threadscope_("attach", workers[-1], "--json", "-z", "500ms"))
    assert by_port["target"]["pids"] == by_worker["target"]["pids"]
    assert by_port["target"]["pids"][0] == server.pid


def test_a_worker_that_dies_and_its_successor_are_followed(serve, threadscope_):
    server = serve(more=["--workers", "2"])
    watching = threadscope_("attach", server.pid, "--no-tui")
    watching.wait_for("-- 00:0")
    before = children(server.pid)
    os.kill(before[-1], signal.SIGKILL)
    eventually(lambda: successors(server, before), what="there is another one")
    dumped = threadscope_("dump", server.pid, "--json")
    assert dumped.status() == 0
    found = json.loads(dumped.out.text)
    assert set(successors(server, before)) <= set(found["target"]["pids"])
    assert before[-1] not in found["target"]["pids"]
    watching.wait_for("-- 00:0", watching.out.plain.count("-- 00:0") + 2)
    assert watching.process.poll() is None, "it goes on watching"
    watching.signal(signal.SIGINT)
    assert watching.status() == 128 + signal.SIGINT


def successors(server, before):
    """Workers that came since, when those that were killed are gone."""
    now = children(server.pid)
    return [pid for pid in now if pid not in before] if before[-1] not in now else []


def children(pid):
    return [int(x) for x in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_what_waits_comes_from_the_sockets(serve, threadscope_):
    """One request holds the loop; those of the others are in the kernel."""
    server = serve("frozen:app")
    with Clients(server.port, "/", 4) as clients:
        clients.more(1)
        dumped = threadscope_("dump", server.pid, "--json")
        assert dumped.status() == 0, dumped.err.text
    found = json.loads(dumped.out.text)
    assert found["requests"]["waiting"] >= 1
    assert found["requests"]["open"] is None, "nobody knows"


# -- with a probe that sleeps ----------------------------------------------------------------------
def test_a_sleeping_probe_wakes_and_sleeps_again(serve, threadscope_, tmp_path):
    server = dormant(serve)
    with Clients(server.port, "/def") as clients:
        clients.more()
        assert ended(server, tmp_path) == 0, "nobody watches"
        watching = threadscope_("attach", server.pid, "--json")
        eventually(lambda: ended(server, tmp_path) > 20, what="requests are seen")
        threads = server.threads()
        watching.process.kill()
        watching.process.wait()
        eventually(lambda: asleep(server, tmp_path), 10, "it sleeps")
        clients.more(10)  # those that came while it was awake have ended
        before, counted = ended(server, tmp_path), server.counted
        clients.more(20)
        assert ended(server, tmp_path) == before, "it sleeps"
        assert server.counted > counted, "and the server goes on"
        assert server.threads() == threads
    assert set(clients.statuses) == {200}
    assert not clients.errors


def asleep(server, folder):
    reader = ring_of(server, folder)
    try:
        return time.monotonic_ns() - reader.header()[L.W_HEARTBEAT] > L.SLEEP_AFTER_NS
    finally:
        reader.close()


def test_only_what_comes_from_now_on_counts(serve, threadscope_, tmp_path):
    server = dormant(serve)
    with Clients(server.port, "/def") as clients:
        first = threadscope_("attach", server.pid, "--json", "-z", "1s")
        assert report(first)["requests"]["completed"] > 0
        clients.more()
        phase = report(threadscope_("attach", server.pid, "--json", "-z", "1s"))
    assert 0 < phase["requests"]["completed"] == phase["server"]["requests_completed"]
    assert phase["requests"]["completed"] < ended(server, tmp_path)
    assert phase["latency_ms"]["max"] > 0, "as the server saw it"
    [route] = phase["routes"]
    assert (route["route"], route["kind"]) == ("/def", "def")


def test_two_monitors_side_by_side_and_a_load(serve, threadscope_, tmp_path):
    server = dormant(serve)
    watching = threadscope_("attach", server.pid, "--json")
    eventually(lambda: not asleep(server, tmp_path), what="the first monitor watches")
    asking = report(threadscope_("attach", server.pid, "--json", "-n", "50", "--url", "/def"))
    watching.signal(signal.SIGINT)
    assert watching.status() == 128 + signal.SIGINT
    [seen] = watching.document["phases"]
    assert asking["requests"]["completed"] == asking["server"]["requests_completed"] == 50
    assert seen["requests"]["completed"] == server.counted == 50
    assert seen["load"] is None
    assert asking["load"] == {**asking["load"], "concurrency": 4}


def test_dump_shows_a_server_once(serve, threadscope_):
    server = dormant(serve)
    with Clients(server.port, "/slow", 3) as clients:
        clients.more(3)
        as_text, as_json = threadscope_("dump", f":{server.port}"), None
        assert as_text.status() == 0, as_text.err.text
        as_json = threadscope_("dump", server.pid, "--json")
        assert as_json.status() == 0
    assert "event loop" in as_text.out.text
    assert "worker-" in as_text.out.text
    found = json.loads(as_json.out.text)
    assert found["limited"] is None
    assert found["requests"]["open"] >= 1
    assert any(thread["endpoint"] == "GET /slow" for thread in found["threads"])


def test_a_server_that_is_killed_while_dump_looks_has_no_figures(serve, threadscope_, tmp_path):
    server = dormant(serve)
    reader = ring_of(server, tmp_path)
    try:
        dumped = threadscope_("dump", server.pid)
        assert eventually(lambda: reader.header()[L.W_HEARTBEAT])  # it looks
        os.kill(server.pid, signal.SIGKILL)
        assert dumped.status() == 1
    finally:
        reader.close()
    assert dumped.out.text == ""
    assert dumped.err.text == "Error: the server ended while it was looked at\n"


def test_whose_ring_was_deleted_before_is_told_so(serve, threadscope_, tmp_path):
    server = dormant(serve)
    [ring] = tmp_path.glob(f"threadscope/run-*/server-{server.pid}-*.ring")
    ring.unlink()
    dumped = threadscope_("dump", server.pid)
    assert dumped.status() == 0
    assert "its probe's ring was deleted: restart it to see its requests" in dumped.out.text


def test_a_stopped_server_is_not_checked_and_has_no_word(serve, threadscope_):
    server = dormant(serve)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        asked = ("--url", "/slow", "-t", "500ms", "-z", "1s")
        checked = threadscope_("check", "--attach", server.pid, *asked)
        assert checked.status() == 2
        watched = threadscope_("attach", server.pid, "--no-tui", *asked)
        assert watched.status() == 0
    finally:
        os.kill(server.pid, signal.SIGCONT)
    why = f"process {server.pid} is stopped: `kill -CONT {server.pid}` lets it go on"
    assert checked.err.text == f"Error: {why}\n"
    assert "SEQUENTIAL" not in watched.out.text
    assert "UNKNOWN, requests wait, and none of them has reached the app" in watched.out.text


def test_a_command_that_cannot_be_started_says_so():
    done = subprocess.run(
        [sys.executable, *DORMANT, "no-such-command"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 127
    assert done.stderr == "cannot start no-such-command: No such file or directory\n"


# -- some with a probe and some without -----------------------------------------------------------
def test_workers_without_a_probe_are_named(serve, threadscope_):
    """One of two has a probe that sleeps: what the other one serves is not seen."""
    server = serve("half:app", before=DORMANT, more=["--workers", "2"],
                   env={"PYTHONPATH": os.pathsep.join([str(SERVED), HOME])})  # fmt: skip
    watching = threadscope_("attach", server.pid, "--no-tui")
    watching.wait_for("has no probe, its requests are not seen: ")
    watching.signal(signal.SIGINT)
    assert watching.status() == 128 + signal.SIGINT

"""Servers and workers that die, are replaced or come back; monitors that die beside each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.faults.watched import SLEEPING, done
from tests.integration.command import Command, eventually
from tests.integration.running import Clients
from threadscope.probe import layout as L
from threadscope.rings.set import BEAT_NS, RingSet
from threadscope.sampling.tree import TreeSampler
from threadscope.targets.find import rings_of, servers
from threadscope.targets.sockets import listeners
from threadscope.targets.tree import family

UVICORN = "uvicorn plain:app --workers 2 --port {port} --no-access-log"
GUNICORN = "gunicorn -w 2 -k uvicorn_worker.UvicornWorker plain:app -b 127.0.0.1:{port}"


def open_rings(pid):
    """Ring files that a process holds open, by name."""
    links = (f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd"))
    return {os.path.basename(x) for link in links if (x := link_of(link)).endswith(".ring")}


def link_of(path):
    try:
        return os.readlink(path).removesuffix(" (deleted)")
    except OSError:
        return ""


@pytest.mark.integration
@pytest.mark.parametrize("replaced", ["killed", "reloaded"])
def test_workers_that_are_replaced_keep_their_counts_and_nothing_of_them_stays(watch, replaced):
    if replaced == "reloaded":
        pytest.importorskip("uvicorn_worker")
    run = watch("--no-tui", server=GUNICORN if replaced == "reloaded" else UVICORN)
    run.wait_for("-- 00:")
    rings = eventually(lambda: two(open_rings(run.process.pid)), what="both workers are seen")
    run.ask(times=6)
    run.wait_for_all()
    workers = sorted(int(name.split("-")[1]) for name in rings)
    if replaced == "reloaded":
        os.kill(run.server()[0], signal.SIGHUP)
    else:
        os.kill(workers[-1], signal.SIGKILL)
    gone = rings if replaced == "reloaded" else {x for x in rings if f"-{workers[-1]}-" in x}

    def successors():
        names = open_rings(run.process.pid)
        there = {path.name for path in run.rings[0].glob("server-*.ring")}
        return not gone & names and names == there and two(names)

    eventually(successors, what="old rings are closed and gone, new ones read")
    run.ask(times=6)
    run.wait_for_all()
    run.signal(signal.SIGINT)
    assert (run.status(), run.counted) == (130, 12)


def two(names):
    return names if len(names) == 2 else set()


@pytest.mark.integration
def test_a_server_that_comes_back_with_another_number_is_another_one(serve, threadscope_):
    server = serve(**SLEEPING)
    watching = threadscope_("attach", f":{server.port}", "--no-tui")
    with Clients(server.port, "/def", 1) as clients:
        eventually(lambda: done(watching) > 0, what="requests are seen")
        clients.more()
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait()
    assert watching.status() == 1
    assert watching.err.text == "Error: the server ended\n"
    again = serve(port=server.port, **SLEEPING)
    assert again.pid != server.pid
    before = again.counted
    seen = threadscope_("attach", f":{again.port}", "--json", "-n", "20", "--url", "/def")
    assert seen.status() == 0, seen.err.text
    [phase] = seen.document["phases"]
    assert phase["target"]["pids"] == [again.pid]
    assert phase["requests"]["completed"] == phase["server"]["requests_completed"]
    assert phase["requests"]["completed"] == again.counted - before


@pytest.mark.integration
def test_of_two_monitors_each_sees_all_until_the_one_that_owns_the_server_dies(watch):
    first = watch("--no-tui")
    first.wait_for("-- 00:")
    [server] = first.server()
    second = Command(first.folder, "attach", str(server), "--no-tui")
    try:
        second.wait_for("-- 00:")
        first.ask(times=7)
        first.wait_for_all()
        eventually(lambda: done(second) == first.counted, what="the second one sees them too")
        first.signal(signal.SIGKILL)
        assert second.status() == 1
        assert second.err.text == "Error: the server ended\n"
    finally:
        second.process.stdout.close()
        second.process.stderr.close()
    assert first.status() == -signal.SIGKILL
    first.assert_nothing_left()


# -- rings of processes that have ended ------------------------------------------------------------
WRITER = """
import sys
from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter
ring = RingWriter(sys.argv[1], records=64)
ring.words[ring.cell(1, 1, L.ROLE_LOOP, "loop").at + L.C_ENDED] = 3
ring.put(L.STEP, 0, 0, 1, 11, 1, what=ring.string("a text"))
print(flush=True)
sys.stdin.readline()
ring.put(L.STEP, 0, 0, 1, 22, 2, what=ring.string("the last one"))
"""
START = 10**12


@pytest.fixture
def writer(tmp_path):
    """A process with a ring; it writes once more and ends when it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def numbers(batches):
    return [record[L.R_REQUEST] for batch, _ in batches for record in batch.records]


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_the_ring_of_one_that_has_ended_is_read_to_its_end_and_let_go_of(writer, tmp_path, ours):
    [path], others = tmp_path.glob("*.ring"), open_rings(os.getpid())  # of tests before
    (tmp_path / "empty").mkdir()
    rings = RingSet(tmp_path) if ours else RingSet(tmp_path / "empty", lambda: [path])
    assert numbers(rings.read(START)) == ([11] if ours else [])
    assert rings.pids() == {writer.pid}
    writer.stdin.write("\n")
    writer.stdin.flush()
    os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)  # a zombie: nobody has reaped it
    ((batch, _),) = rings.read(START + BEAT_NS + 1)
    assert [record[L.R_REQUEST] for record in batch.records] == [22]
    assert open_rings(os.getpid()) - others == {path.name}, "what is late may still come"
    assert len(list(rings.read(START + 2 * BEAT_NS + 2))) == 1
    assert open_rings(os.getpid()) <= others
    assert path.exists() is not ours
    assert [batch.text(number) for number in (2, 3)] == ["loop", ""], "what was asked for before"
    assert list(rings.read(START + 9 * BEAT_NS)) == [], "nor is it read again"
    rings.close()


def test_a_writer_that_cannot_be_seen_is_not_taken_for_dead(writer, tmp_path):
    """In a container it has another number than out here."""
    [path] = tmp_path.glob("*.ring")
    with path.open("r+b") as file:
        file.seek(L.W_PID * L.WORD)
        file.write((1 << 30).to_bytes(8, "little"))
    rings = RingSet(tmp_path)
    for n in range(4):
        assert len(list(rings.read(START + n * (BEAT_NS + 1)))) == 1
    rings.close()


# -- /proc -----------------------------------------------------------------------------------------
CHURN = """
import os, sys, threading
threading.Thread(target=sys.stdin.readline, daemon=True).start()
while threading.active_count() > 1:
    child = os.fork()
    if child == 0:
        os._exit(0)
    threading.Thread(target=int).start()
    os.waitpid(child, 0)
"""


def test_processes_and_threads_that_vanish_between_the_list_and_the_look():
    parent = subprocess.Popen([sys.executable, "-c", CHURN], stdin=subprocess.PIPE)
    sampler, seen, ended = TreeSampler(), set(), set()
    try:

        def look():
            pids = family(parent.pid)
            sampler.follow(pids)
            listeners(pids)
            rings_of(pids)
            samples, gone = sampler.sample(time.monotonic_ns())
            seen.update(sample.pid for sample in samples)
            ended.update(gone)
            return len(ended - {parent.pid}) > 5

        eventually(look, what="many vanished")
        assert sampler.trouble == ""
        assert parent.pid in seen - ended
        servers()
    finally:
        sampler.close()
        parent.stdin.close()
        parent.wait(20)

"""Who is stopped and goes on: the server, and we ourselves."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.watched import assert_no_negative
from tests.integration.command import eventually
from tests.integration.running import Clients
from tests.model.by_hand import MS, Watched, at, sample, thread
from threadscope.lints.judge import Lints
from threadscope.model.aggregator import GAP_NS, STOPPED, Aggregator
from threadscope.model.windows import SECOND
from threadscope.probe import layout as L
from threadscope.rings.reader import RingReader
from threadscope.targets.guard import Relief


@pytest.mark.integration
def test_a_stopped_server_is_named_and_nothing_of_it_is_lost(watch):
    run = watch("--no-tui")
    run.wait_for("-- 00:")
    [server] = run.server()
    with Clients(run.port, "/def", 2) as clients:
        clients.more()
        os.kill(server, signal.SIGSTOP)
        run.wait_for(f"limited: process {server} is stopped: `kill -CONT {server}` lets it go on")
        os.kill(server, signal.SIGCONT)
        run.wait_for(f"process {server} goes on")
        clients.more()
    assert set(clients.statuses) == {200}
    run.wait_for_all()
    run.signal(signal.SIGINT)
    assert run.status() == 130
    assert_no_negative(run)


@pytest.mark.integration
def test_a_suspended_monitor_makes_no_server_wait_and_says_what_it_missed(watch):
    run = watch("--no-tui", server="uvicorn chatty:app --port {port} --no-access-log")
    run.wait_for("-- 00:")
    run.signal(signal.SIGSTOP)
    since, other = time.monotonic_ns(), RingReader(run.ring)
    try:

        def the_gap_is_long_enough():
            other.beat(now := time.monotonic_ns())  # the probe stays awake, however slow this is
            return now - since > GAP_NS + SECOND // 2

        for _ in range(8):  # 1.6 MB: more than a pipe holds
            run.ask()
            the_gap_is_long_enough()
        eventually(the_gap_is_long_enough)
    finally:
        other.close()
    run.signal(signal.SIGCONT)
    run.wait_for(f"s: {STOPPED}")
    run.ask(times=3)
    run.wait_for_all()
    run.signal(signal.SIGINT)
    assert run.status() == 130
    assert_no_negative(run)
    assert run.counted == 11


# -- by hand ---------------------------------------------------------------------------------------
def notes(snapshot):
    return [line.text for line in snapshot.log if line.text]


def stopped(t, state):
    return sample(t, thread(1)._replace(state=state), thread(2)._replace(state="T"))


def test_it_is_said_once_that_a_process_is_stopped_and_once_that_it_goes_on():
    watched = Watched()
    told = "process 1 is stopped: `kill -CONT 1` lets it go on"
    watched.look(50)
    for t, state in enumerate("STTTSS"):
        watched.aggregator.add_sample(stopped(100 * t + 100, state))
    assert watched.fold(350).health.limited == told
    snapshot = watched.fold(800)
    assert notes(snapshot) == [told, "process 1 goes on, 300 ms after it was stopped"]
    assert snapshot.health.limited == ""


@pytest.mark.parametrize("end", ["process_ended", "server_ended"])
def test_one_that_is_killed_while_it_is_stopped_is_not_stopped_any_more(end):
    watched = Watched()
    watched.look(50)
    watched.aggregator.add_sample(stopped(100, "T"))
    assert watched.fold(300).health.limited != ""
    if end == "process_ended":
        watched.aggregator.process_ended(at(400), 1)
    else:
        watched.aggregator.server_ended(at(400), "the server was killed by SIGKILL")
    assert watched.fold(800).health.limited == ""


def findings(state):
    """Live, of a server whose loop was in one step for 2.9 s, in a state, and of the same later."""
    watched = Watched()
    watched.aggregator = Aggregator(at(0), judge=Lints())
    watched.server.started(100, 1, came=100)
    watched.look(150)
    for t in range(200, 3100, 100):
        watched.server.put(L.LAG, t, flags=L.F_LAG_GIL, a=0)
        watched.aggregator.add_sample(stopped(t, state))
    watched.server.step(200, 3100, 1)
    watched.aggregator.add_sample(stopped(3100, "S"))
    soon = watched.look(3300).findings
    return {finding.lint for finding in (*soon, *watched.fold(6000).findings)}


def test_what_was_stopped_becomes_no_finding():
    assert findings("S") == {"blocking-call-in-async"}
    assert findings("T") == set()


def test_a_heartbeat_that_a_stop_made_late_is_no_lag():
    watched = Watched()
    watched.look(50)
    for t in range(100, 1000, 100):
        watched.aggregator.add_sample(stopped(t, "T"))
    watched.aggregator.add_sample(stopped(1000, "S"))
    watched.server.put(L.LAG, 1000, flags=L.F_LAG_GIL, a=850 * MS)
    watched.server.put(L.LAG, 1150, flags=L.F_LAG_GIL, a=3 * MS)
    assert watched.look(1300).gil_lag_ns == 3 * MS


# -- the pipe of the server's output ---------------------------------------------------------------
@pytest.fixture
def pipe():
    """A full one, and its two ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    fill(writing)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def fill(writing):
    written = 0
    while True:
        try:
            written += os.write(writing, b"x" * 2500)
        except BlockingIOError:
            return written


def test_what_nobody_reads_is_thrown_away_at_the_second_look(pipe):
    relief = Relief(pipe[1])
    relief.look()
    with pytest.raises(BlockingIOError):
        os.write(pipe[1], b"x" * 2500)
    relief.look()
    assert fill(pipe[1]) > 20_000
    assert len(os.read(pipe[0], 1 << 20)) > 20_000, "what is new is there to be read"
    relief.close()


def test_what_is_read_in_time_is_left_alone(pipe):
    relief = Relief(pipe[1])
    relief.look()
    os.read(pipe[0], 1 << 20)
    last = fill(pipe[1])
    os.read(pipe[0], last - 1000)
    for _ in range(3):
        relief.look()
    assert len(os.read(pipe[0], 1 << 20)) == 1000
    relief.close()


def test_output_that_goes_to_a_file_is_nobodys_business(tmp_path):
    path = Path(tmp_path / "log")
    with path.open("wb") as file:
        file.write(b"x" * 1000)
        file.flush()
        relief = Relief(file.fileno())
        for _ in range(3):
            relief.look()
        relief.close()
    assert path.stat().st_size == 1000

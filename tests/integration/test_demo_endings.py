"""However it ends: the right status, and no process and no folder left (see the fixture)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.integration.command import WORK, eventually

pytestmark = pytest.mark.integration


def no_traceback(command) -> None:
    assert "Traceback" not in command.out.text + command.err.text
    assert "Exception" not in command.out.text + command.err.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_text_with_what_was_measured_so_far(demo, number):
    run = demo("--no-tui", "-z", "60s", "--work", WORK)
    run.wait_for("measure")
    run.wait_for("end ", 8)
    run.signal(number)
    assert run.status() == 128 + number
    no_traceback(run)
    assert run.err.text == ""
    lines = run.out.text.splitlines()
    [head] = [i for i, line in enumerate(lines) if line == "async def /cpu/async/{client}"]
    figures = dict(line.rsplit(maxsplit=1) for line in lines[head + 1 : head + 11])
    assert figures["open, at most"] == "1"
    assert figures["failed"] == "0"
    assert lines[-1].startswith("async ended early, after ")
    assert lines[-1].endswith(": stopped before its end.")


def test_a_signal_ends_json_with_a_document_of_what_was_measured_so_far(demo):
    run = demo("--json", "-z", "60s", "--work", WORK)
    eventually(lambda: run.served() > 8)
    run.signal(signal.SIGTERM)
    assert run.status() == 143
    assert run.err.text == ""
    [phase] = run.document["phases"]
    assert phase["variant"] == "async"
    assert phase["aborted"] == "stopped before its end"
    assert phase["requests"]["completed"] == phase["server"]["requests_completed"] > 8
    assert phase["requests"]["failed"] == 0


@pytest.mark.parametrize("word", ["guard.py", "uvicorn", "load.generator"])
def test_ctrl_c_while_it_starts(demo, word):
    run = demo("--json", "--work", WORK)
    eventually(lambda: any(word in line for line in run.family().values()))
    run.signal(signal.SIGINT)
    assert run.status() == 130
    no_traceback(run)


def test_more_signals_while_it_closes_do_no_harm(demo):
    run = demo("--no-tui", "-z", "60s", "--work", WORK)
    run.wait_for("measure")
    run.wait_for("end ", 8)

    def again() -> bool:
        if run.process.poll() is None:
            run.signal(signal.SIGINT)
            run.signal(signal.SIGTERM)
        return run.process.poll() is not None

    eventually(again)
    assert run.status() == 130
    no_traceback(run)
    assert "async ended early" in run.out.text


def test_killed_for_good_it_leaves_nothing(demo):
    run = demo("--no-tui", "--work", WORK)
    run.wait_for("end ", 3)
    assert len(run.family()) == 4  # monitor, guard, server, load
    run.signal(signal.SIGKILL)
    assert run.status() == -signal.SIGKILL
    run.assert_nothing_left()


def test_requests_that_hang_do_not_hold_it_up(demo):
    run = demo("--json", "--work", str(10**12), "-c", "2")
    eventually(lambda: run.started() == 1)
    run.signal(signal.SIGTERM)
    assert run.status() == 143
    no_traceback(run)
    [phase] = run.document["phases"]
    requests = phase["requests"]
    assert (requests["started"], requests["completed"], requests["cut_off"]) == (2, 0, 2)
    assert phase["duration_s"] is requests["per_second"] is None


def test_requests_that_begin_to_hang_leave_the_rates_of_those_before(demo):
    run = demo("--json", "-z", "60s", "--mode", "async", "--work", WORK)
    eventually(lambda: run.served() > 80)
    os.kill(run.pid_of("uvicorn"), signal.SIGSTOP)
    run.signal(signal.SIGTERM)
    assert run.status() == 143
    no_traceback(run)
    [phase] = run.document["phases"]
    requests = phase["requests"]
    assert requests["completed"] > 80
    assert requests["cut_off"] == 4
    assert phase["duration_s"] > 0
    assert requests["per_second"] > 0
    assert phase["latency_ms"]["p50"] > 0


@pytest.mark.parametrize("view", ["--no-tui", "--json"])
def test_the_server_dies(demo, view):
    run = demo(view, "-z", "60s", "--work", WORK)
    server = run.pid_of("uvicorn")
    eventually(lambda: run.served() > 2)
    os.kill(server, signal.SIGKILL)
    assert run.status() == 1
    error, *last = run.err.text.splitlines()
    assert error == "Error: the server was killed by SIGKILL; its last lines:"
    assert any("client" in line for line in last)
    if view == "--json":
        [phase] = run.document["phases"]
        assert phase["aborted"] == "the server was killed by SIGKILL"
        assert phase["requests"]["failed"] > 0
        assert phase["requests"]["completed"] == phase["server"]["requests_completed"] > 0
    else:
        assert "the server was killed by SIGKILL" in run.out.text


@pytest.mark.parametrize("view", ["--no-tui", "--json"])
def test_the_load_dies(demo, view):
    run = demo(view, "-z", "60s", "--work", WORK)
    load = run.pid_of("load.generator")
    eventually(lambda: run.served() > 2)
    os.kill(load, signal.SIGKILL)
    assert run.status() == 1
    assert run.err.text == "Error: the load process was killed by SIGKILL\n"
    if view == "--json":
        [phase] = run.document["phases"]
        assert phase["aborted"] == "the load process was killed by SIGKILL"
        assert phase["requests"]["per_second"] is None
        assert phase["requests"]["completed"] > 0


def test_nobody_reads_on(demo):
    run = demo("--no-tui", "-z", "60s", "--work", WORK)
    run.wait_for("end ", 2)
    run.process.stdout.close()
    assert run.status() == 141
    assert run.err.text == ""


def test_the_port_is_taken(demo):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = demo("--json", "--port", str(port))
        assert run.status() == 1
    assert run.out.text == ""
    [line] = run.err.text.splitlines()
    assert line.startswith(f"Error: port {port} is taken by ")
    assert f"(pid {os.getpid()})" in line


def test_the_server_does_not_start(demo):
    run = demo("--json", env={"THREADSCOPE_WORK": "much"})
    assert run.status() == 1
    assert run.out.text == ""
    error, *lines = run.err.text.splitlines()
    assert error.startswith("Error: the server exited with status 1 before it listened")
    assert "THREADSCOPE_WORK is a number of additions, not 'much'" in lines[-1]
    no_traceback(run)


def test_head_has_seen_enough(demo, tmp_path):
    command = f"{sys.executable} -m threadscope demo cpu --no-tui -z 60s --work {WORK} | head -n 3"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=30,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == ""
    assert not list(tmp_path.glob("threadscope/*"))

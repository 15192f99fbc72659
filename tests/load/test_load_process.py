"""The load process's life: how it starts, what it survives, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.load.conftest import Load
from threadscope.load.messages import Died, Ready, Result, State
from threadscope.load.plan import LoadPlan
from threadscope.model.snapshot import PhaseState

pytestmark = pytest.mark.integration

PARENT = """
import sys, threading
from pathlib import Path
from threadscope.load.control import LoadProcess
from threadscope.load.messages import State
from threadscope.load.plan import LoadPlan

def tell(event):
    if isinstance(event, State) and event.state == "measure":
        print(load.pid, flush=True)

load = LoadProcess(Path(sys.argv[1]), tell)
load.start()
load.begin(LoadPlan(sys.argv[2], clients=50, settle_s=0.1))
threading.Event().wait()
"""


def runs(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE  # init is slow
    except psutil.NoSuchProcess:
        return False


def test_ready_names_the_process(load):
    ready = load.wait_for(Ready)
    assert ready.pid == load.pid
    assert ready.loop == "uvloop"
    assert load.alive


def test_it_dies_with_its_parent_though_requests_hang(server, tmp_path):
    command = [sys.executable, "-c", PARENT, str(tmp_path), f"{server.url}/hang"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.ppid() == parent.pid
        parent.kill()
    end = time.monotonic() + 30
    while runs(child):
        assert time.monotonic() < end, "it lives on without its parent"
        time.sleep(0.01)


def test_it_imports_nothing_from_the_working_folder(new_load, server, tmp_path, monkeypatch):
    (tmp_path / "queue.py").write_text("raise SystemExit('the wrong queue')")
    monkeypatch.chdir(tmp_path)
    load = new_load()
    load.start()
    assert load.run(LoadPlan(f"{server.url}/hello", requests=3)).completed == 3


def test_it_works_without_uvloop(new_load, server, tmp_path, monkeypatch):
    (tmp_path / "uvloop.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    load = new_load()
    load.start()
    assert load.wait_for(Ready).loop == "asyncio"
    assert load.run(LoadPlan(f"{server.url}/hello", requests=30)).completed == 30
    load.close()
    assert load._process.returncode == 0
    assert load.errors == ()


def test_close_ends_it_though_requests_hang_and_may_be_repeated(load, server):
    load.begin(LoadPlan(f"{server.url}/hang", settle_s=0))
    load.wait_for(State, PhaseState.MEASURE)
    for _ in range(2):
        load.close()
        assert not load.alive
    assert load._process.returncode == 0, "it ended by itself, not by a signal"
    load.begin(LoadPlan(server.url))  # ignored
    assert not [event for event in load.events if isinstance(event, Died)]
    assert load.errors == ()


def test_close_ends_even_one_that_listens_to_nothing(load):
    load.wait_for(Ready)
    os.kill(load.pid, signal.SIGSTOP)
    load.close()
    assert load._process.returncode == -signal.SIGKILL


def test_close_before_start_does_nothing(new_load):
    load = new_load()
    load.close()
    load.stop()
    assert load.pid is None
    assert not load.alive


def test_it_starts_once(load):
    with pytest.raises(RuntimeError, match="starts once"):
        load.start()


def test_an_unexpected_death_is_told_once(load, server):
    load.wait_for(Ready)
    os.kill(load.pid, signal.SIGKILL)
    died = load.wait_for(Died)
    assert died == Died(-signal.SIGKILL, ())
    load.begin(LoadPlan(server.url))  # must not raise
    load.close()
    assert [event for event in load.events if isinstance(event, Died)] == [died]


def test_sigterm_ends_it_and_sigint_does_not(load, server):
    load.wait_for(Ready)
    os.kill(load.pid, signal.SIGINT)
    assert load.run(LoadPlan(f"{server.url}/hello", requests=3)).completed == 3
    os.kill(load.pid, signal.SIGTERM)
    assert load.wait_for(Died).status == -signal.SIGTERM


def test_a_missing_folder_is_one_line(new_load, tmp_path):
    load = new_load(tmp_path / "missing")
    load.start()
    died = load.wait_for(Died)
    load.close()
    assert died.status == 1
    (line,) = died.last_lines
    assert line.startswith("load: cannot make a ring file in ")
    assert "No such file or directory" in line


def test_a_command_that_is_none_is_ignored_and_told(load, server):
    load.wait_for(Ready)
    load._process.stdin.write(b"jump\n")
    assert load.run(LoadPlan(f"{server.url}/hello", requests=1)).completed == 1
    load.close()
    assert load.errors == ("load: ignored a command: not a command: b'jump\\n'",)


def test_it_takes_one_argument_at_most():
    command = [sys.executable, "-m", "threadscope.load.generator", "a", "b"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "load: give it one argument at most, the folder for its ring file\n"


def test_without_a_folder_it_makes_no_ring(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load = Load(None)
    load.start()
    assert load.run(LoadPlan(f"{server.url}/hello", requests=20)).completed == 20
    load.close()
    assert list(tmp_path.iterdir()) == []


def test_the_result_follows_the_states(load, server):
    load.run(LoadPlan(f"{server.url}/hello", requests=2))
    kinds = [type(event) for event in load.events if isinstance(event, State | Result)]
    assert kinds == [State, State, State, State, Result]


def test_the_parents_end_loads_no_http_client():
    code = "import sys, threadscope.load.control;print(sys.modules.keys() & {'aiohttp', 'uvloop'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

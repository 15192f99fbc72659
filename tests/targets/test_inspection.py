"""What a process is, seen from outside: with real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.integration.command import eventually
from threadscope.targets import inspection, reach
from threadscope.targets.errors import TargetError
from threadscope.targets.find import resolve, rings_of
from threadscope.targets.tree import MANY, family, without_us

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); s.set_inheritable(True);"
    "print(s.getsockname()[1], flush=True); input()"
)


@pytest.fixture
def start():
    """Starts commands that wait for their standard input to end."""
    started = []

    def start(*command, **more):
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **more)
        started.append(process)
        eventually(lambda: inspection.arguments(process.pid)[:1] == [command[0]], what="it runs")
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def test_a_python_is_known_as_one(start):
    python, other = start(sys.executable, "-c", "input()"), start(shutil.which("cat"))
    assert inspection.is_python(python.pid)
    assert not inspection.is_python(other.pid)
    assert inspection.python_version(python.pid) == ".".join(map(str, sys.version_info[:2]))
    assert inspection.python_version(other.pid) == ""


def test_a_number_that_is_given_again_is_another_process(start):
    process = start(shutil.which("cat"))
    found = inspection.process(process.pid)
    assert found.lives
    assert not found._replace(birth=found.birth + 1).lives
    process.stdin.close()
    eventually(lambda: not found.lives, what="a zombie does not live")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("-I",), "-I"),
        (("-E",), "-E"),
        (("-uS",), "-uS"),
        (("-W", "ignore", "-I"), "-I"),
        (("-u",), ""),
        ((), ""),
    ],
)
def test_options_that_keep_the_hook_out(start, options, found):
    process = start(sys.executable, *options, "-c", "input()  # -I")
    assert inspection.ignores_environment(process.pid) == found
    said = reach.why_no_probe([process.pid])
    assert (f"leave {found} out" in said) if found else ("environment did not reach" in said)


def test_why_a_command_has_no_probe(start):
    other = start(shutil.which("cat"))
    assert "is not a Python" in reach.why_no_probe([other.pid])
    env = {**os.environ, "THREADSCOPE_DIR": "/nowhere"}
    silent = start(sys.executable, "-c", "input()", env=env)
    assert "none that the probe knows" in reach.why_no_probe([silent.pid])
    way = "add --inject" if sys.version_info >= (3, 14) else "(3.14 can)"
    assert way in reach.why_not_injected(silent.pid)


def test_the_title_is_what_one_would_type(start, tmp_path):
    script = tmp_path / "uvicorn"
    script.write_text("input()")
    process = start(sys.executable, str(script), "main:app")
    assert inspection.title(process.pid) == "uvicorn main:app"


def test_the_supervisor_is_who_shares_the_listening_socket(start):
    code = (
        "import socket, subprocess, sys; s = socket.create_server(('127.0.0.1', 0));"
        "c = subprocess.Popen([sys.executable, '-c', 'input()'], pass_fds=[s.fileno()]);"
        "print(c.pid, flush=True); c.wait()"
    )
    top = start(sys.executable, "-c", code)
    worker = int(top.stdout.readline())
    assert inspection.supervisor(worker) == top.pid
    assert inspection.supervisor(top.pid) == top.pid, "we do not share it"
    assert set(family(top.pid)) == {top.pid, worker}


def test_the_children_of_a_process_with_many_threads_are_found(start):
    count = len([name for name in os.listdir("/proc") if name.isdecimal()]) + MANY
    code = (
        "import subprocess, sys, threading; e = threading.Event();"
        f"[threading.Thread(target=e.wait, daemon=True).start() for _ in range({count})];"
        "run = lambda: print(subprocess.Popen([sys.executable, '-c', 'input()']).pid, flush=True);"
        "t = threading.Thread(target=run); t.start(); t.join(); input()"
    )
    top = start(sys.executable, "-c", code)
    child = int(top.stdout.readline())
    assert len(os.listdir(f"/proc/{top.pid}/task")) > count
    assert family(top.pid) == (top.pid, child)


def test_we_are_no_part_of_the_server_that_started_us():
    above = os.getppid()
    assert os.getpid() in family(above)
    assert os.getpid() not in without_us(family(above))


@pytest.mark.parametrize("text", ["", "x", "-1", "0", ":0", ":x", ":70000", "9" * 12, "¹"])
def test_what_is_no_process_and_no_port(text):
    with pytest.raises(TargetError, match="is no "):
        resolve(text)


def test_nobody_there():
    with pytest.raises(TargetError, match="there is no process 4194303"):
        resolve("4194303")
    with pytest.raises(TargetError, match="nobody listens on port 1 here"):
        resolve(":1")


def test_a_port_stands_for_its_server(start):
    process = start(sys.executable, "-c", LISTEN)
    port = process.stdout.readline().strip()
    assert resolve(f":{port}") == process.pid
    assert resolve(str(process.pid)) == process.pid
    assert rings_of([process.pid]) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_elses_process(start):
    process = start(shutil.which("cat"))
    code = (
        "import os, sys; from threadscope.targets.inspection import check_exists\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: check_exists(int(sys.argv[1]))\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(process.pid)], capture_output=True, text=True, check=False
    )
    wanted = f"process {process.pid} belongs to root: run threadscope as that user, or as root\n"
    assert done.stdout == wanted, done.stderr

"""`threadscope run`: watching, leaving, keeping, and what cannot be watched."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

import threadscope
from tests.integration.command import GONE_S, Command, eventually
from threadscope.recording.blocks import BlockReader
from threadscope.recording.feed import read_results
from threadscope.targets.ports import free_port

pytestmark = pytest.mark.integration
SERVED = Path(__file__).parent / "served"


def uvicorn(port, app="plain:app", *options):
    words = ["-m", "uvicorn", app, "--port", str(port), "--no-access-log"]
    return [sys.executable, *options, *words]


@pytest.fixture
def run(tmp_path):
    """Runs `threadscope run ...`; nothing of it may be left."""
    started = []

    def run(*arguments, env=None, **more):
        env = {"PYTHONPATH": str(SERVED), "COUNT_FILE": str(tmp_path / "count"), **(env or {})}
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir(mode=0o700)
        started.append(Command(folder, "run", *map(str, arguments), env=env, **more))
        return started[-1]

    yield run
    for one in started:
        one.end()


def ask(port, path="/def"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return answer.status


# -- watching --------------------------------------------------------------------------------------
def test_it_watches_the_requests_that_come(run, tmp_path):
    port = free_port()
    watching = run("--json", "-z", "5s", "--", *uvicorn(port))
    eventually(lambda: listens(port), what="the server listens")
    assert [ask(port) for _ in range(7)] == [200] * 7
    eventually(lambda: watching.served() == 7, what="all were seen")
    assert watching.status() == 0, watching.err.text
    [phase] = watching.document["phases"]
    assert phase["load"] is None
    assert phase["requests"]["completed"] == phase["server"]["requests_completed"] == 7
    assert (tmp_path / "count").stat().st_size == 7
    watching.assert_nothing_left()


@pytest.mark.parametrize("load", [(), ("--url", "/def?key=secret", "-c", "2")])
def test_its_session_is_saved_and_gives_the_same_report(run, tmp_path, load):
    port, path = free_port(), tmp_path / "x.tscope"
    watching = run("--json", "-z", "2s", "--save", str(path), *load, "--", *uvicorn(port))
    if not load:
        eventually(lambda: listens(port), what="the server listens")
        assert [ask(port, "/def?key=secret") for _ in range(7)] == [200] * 7
    assert watching.status() == 0
    file, again = read_results(path)
    assert (again.trouble, file.header.threadscope) == ("", threadscope.__version__)
    [live], [saved] = watching.document["phases"], again.finished
    assert saved.completed == live["requests"]["completed"] > 5
    assert saved.served == live["server"]["requests_completed"]
    assert saved.behaviour.word.value == live["server"]["behaviour"]
    assert not [block for block in BlockReader(path) if "secret" in json.dumps(block.entries)]


def test_a_command_that_does_not_start_leaves_no_files(run, tmp_path):
    kept = [tmp_path / "x.tscope", tmp_path / "x.cast", tmp_path / "x.svg"]
    names = ("--save", "--record", "--screenshot")
    options = [word for pair in zip(names, kept, strict=True) for word in pair]
    watching = run(*options, "--", tmp_path / "nowhere")
    assert watching.status() == 1
    assert watching.err.text.startswith("Error: cannot start ")
    assert [path for path in kept if path.exists()] == []


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_plain_lines_without_a_load(run):
    port = free_port()
    watching = run("--no-tui", "--", *uvicorn(port))
    watching.wait_for("-- 00:01")
    ask(port)
    watching.wait_for("end     #1      GET /def  200")
    watching.signal(signal.SIGTERM)
    assert watching.status() == 128 + signal.SIGTERM
    text = watching.out.text
    assert text.startswith("== what others ask\n")
    assert "in flight" not in text, "nobody of ours asks"
    assert "0 clients" not in text
    watching.assert_nothing_left()


def test_a_screen_without_a_load_has_no_keys_for_one(run):
    port = free_port()
    watching = run("--", *uvicorn(port), terminal=(36, 120))
    watching.wait_for("event loop")
    ask(port)
    watching.wait_for("GET /def")
    assert "clients" not in watching.out.plain
    assert "in flight" not in watching.out.plain
    eventually(lambda: watching.press_until_it_ends("q"), what="it ends")
    assert watching.status() == 0
    watching.assert_nothing_left()


def test_the_servers_own_end_is_told_with_its_status(run):
    code = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(1); exit(7)"
    watching = run("--no-tui", "--", sys.executable, "-c", code)
    assert watching.status() == 7
    assert "the server exited with status 7" in watching.err.text
    watching.assert_nothing_left()


def test_a_server_that_ends_well_is_no_failure(run):
    code = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(1)"
    watching = run("--no-tui", "--", sys.executable, "-c", code)
    assert (watching.status(), watching.err.text) == (0, "")


def test_the_command_ends_with_a_killed_monitor(run):
    port = free_port()
    watching = run("--json", "--", *uvicorn(port))
    eventually(lambda: listens(port), what="the server listens")
    watching.process.kill()
    watching.process.wait()
    eventually(lambda: not watching.family(), 2 * GONE_S, "the server has ended")


# -- keeping ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("killed", [False, True], ids=["left", "killed"])
def test_a_kept_server_goes_on_and_is_found_again(run, tmp_path, killed):
    port = free_port()
    watching = run("--keep", "--json", *([] if killed else ["-z", "500ms"]), "--", *uvicorn(port))
    eventually(lambda: listens(port), what="the server listens")
    if killed:
        watching.process.kill()
    status = watching.process.wait(30)
    [pid] = [pid for pid, line in watching.family().items() if "uvicorn" in line]
    try:
        assert ask(port) == 200
        if not killed:
            assert status == 0
            watching.err.thread.join(5)
            assert f"process {pid}" in watching.err.text
            log = Path(re.search(r"prints to (\S+)\.\n", watching.err.text)[1])
            assert "Uvicorn running" in log.read_text()
            log.unlink()
        attached = Command(
            watching.folder, "attach", str(pid), "--json", "-n", "9", "--url", "/def"
        )
        assert attached.status() == 0, attached.err.text
        [phase] = attached.document["phases"]
        assert phase["requests"]["completed"] == phase["server"]["requests_completed"] == 9
        attached.process.stdout.close()
        attached.process.stderr.close()
    finally:
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not watching.family(), GONE_S, "it ends when it is told to")


# -- what cannot be watched ------------------------------------------------------------------------
def refusal(command, status=1):
    """What it says on standard error; nothing else, and no traceback."""
    assert command.status() == status
    assert command.out.text == ""
    assert "Traceback" not in command.err.text
    command.assert_nothing_left()
    return command.err.text


def test_no_such_command(run):
    said = refusal(run("--", "no-such-command", "x"))
    assert said == (
        "Error: cannot start no-such-command: No such file or directory: check its name,"
        " or activate its virtual environment\n"
    )


def test_no_such_command_to_keep(run):
    assert "cannot start no-such-command" in refusal(run("--keep", "--", "no-such-command"))


def test_a_command_that_ends_at_once(run):
    said = refusal(run("--", sys.executable, "-c", "print('bye'); exit(4)"))
    assert "exited with status 4 before it listened on a port; it printed:\n  bye\n" in said


def test_a_port_that_is_taken(run):
    port = free_port()
    first = run("--json", "--", *uvicorn(port))
    eventually(lambda: listens(port), what="the server listens")
    said = refusal(run("--", *uvicorn(port)))
    assert "address already in use" in said
    first.signal(signal.SIGINT)
    first.status()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'COMMAND...'"),
        (("--url", "x", "--", "true"), "'x' is no path: begin it with a slash"),
        (("-c", "3", "--", "true"), "--concurrency belongs to a load"),
        (("--url", "/", "--burst", "3", "-n", "3", "--", "true"), "leave out -c, -n and -z"),
        (("--url", "http://example.com/", "--", "true"), "not this machine"),
        (("--no-such-option", "--", "true"), "No such option"),
    ],
)
def test_options_that_make_no_sense(run, arguments, said):
    assert said in refusal(run(*arguments), 2)

"""`threadscope run` on every server that is promised: what it reports is what the app counted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.command import Command
from threadscope.targets.ports import free_port

pytestmark = pytest.mark.integration

SERVED = Path(__file__).parent / "served"
SERVERS = {
    "uvicorn": "-m uvicorn {app} --port {port} --no-access-log",
    "uvicorn --workers": "-m uvicorn {app} --port {port} --no-access-log --workers 2",
    "uvicorn --reload": "-m uvicorn {app} --port {port} --no-access-log --reload",
    "fastapi run": "-m fastapi run {served}/counted.py --port {port}",
    "python serve.py": "{served}/serve.py {port}",
    "gunicorn": "-m gunicorn -k uvicorn_worker.UvicornWorker {app} -b 127.0.0.1:{port}",
    "gunicorn --preload": "-m gunicorn --preload -w 2 -k uvicorn_worker.UvicornWorker {app}"
    " -b 127.0.0.1:{port}",
    "gunicorn -k asgi": "-m gunicorn -k asgi {app} -b 127.0.0.1:{port}",
    "hypercorn": "-m hypercorn {app} -b 127.0.0.1:{port}",
    "granian": "-m granian --interface asgi {app} --port {port}",
}
BARE = ("uvicorn", "hypercorn", "granian")


def command_of(server, app, port):
    """What stands behind `--`."""
    words = SERVERS[server].format(app=app, port=port, served=SERVED)
    return [sys.executable, *words.split()]


@pytest.fixture
def run(tmp_path):
    """Runs `threadscope run OPTIONS -- COMMAND`, and holds the report against the app's count."""
    started = []

    def run(options, command, app_path=SERVED):
        env = {"PYTHONPATH": str(app_path), "COUNT_FILE": str(tmp_path / "count")}
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir(mode=0o700)
        started.append(Command(folder, "run", *options, "--", *command, env=env))
        return started[-1]

    yield run
    try:
        for one in started:
            if one.process.poll() is not None:
                one.assert_nothing_left()
    finally:
        for one in started:
            one.end()


def measured(command):
    """The only phase of its report."""
    assert command.status(60) == 0, command.err.text
    [phase] = command.document["phases"]
    return phase


def hops_of(phase):
    """On worker threads, from the begin of the measurement on."""
    threads = phase["server"]["threads"]
    return sum(thread["hops"] or 0 for thread in threads if thread["role"] == "worker")


@pytest.mark.parametrize("server", SERVERS)
def test_as_many_requests_as_the_app_counted(run, tmp_path, server):
    if server == "fastapi run":
        pytest.importorskip("fastapi_cli")
    elif "-m " in SERVERS[server]:
        pytest.importorskip(SERVERS[server].split()[1])
    command = command_of(server, "counted:app", free_port())
    phase = measured(run(["--no-tui", "--json", "-n", "60", "-c", "3", "--url", "/def"], command))
    counted = (tmp_path / "count").stat().st_size
    assert counted == phase["requests"]["completed"] == phase["server"]["requests_completed"]
    assert phase["requests"]["failed"] == 0
    assert counted >= 60
    [route] = phase["routes"]
    assert (route["route"], route["endpoint"], route["kind"]) == ("/def", "in_a_thread", "def")
    assert hops_of(phase) == counted
    assert phase["target"]["url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("server", BARE)
def test_a_bare_app_is_seen_on_the_servers_that_we_know(run, tmp_path, server):
    pytest.importorskip(server)
    command = command_of(server, "bare:app", free_port())
    phase = measured(run(["--json", "-n", "40", "--url", "/x"], command))
    counted = (tmp_path / "count").stat().st_size
    assert counted == phase["requests"]["completed"] == phase["server"]["requests_completed"]
    assert hops_of(phase) == counted, "asyncio.to_thread"
    assert phase["target"]["http"] in ("httptools", "h11", "hypercorn", "granian")


def test_every_pool_and_every_loop_of_a_process_is_seen(run):
    """Two servers on threads of their own; hops by `to_thread` and by `run_in_executor`."""
    port, other = free_port(), free_port()
    command = [sys.executable, str(SERVED / "two_loops.py"), str(port), str(other)]
    urls = [f"http://127.0.0.1:{port}/thread", f"http://127.0.0.1:{other}/bare"]
    options = [word for url in urls for word in ("--url", url)]
    started = run(["--json", "-n", "20", *options], command)
    assert started.status(60) == 0, started.err.text
    [phase] = started.document["phases"]
    assert phase["server"]["requests_completed"] == phase["requests"]["completed"]
    done = {route["route"]: route["requests"]["completed"] for route in phase["routes"]}
    assert set(done) == {"/thread", "/bare"}
    assert hops_of(phase) == 2 * done["/thread"] + done["/bare"]
    roles = [thread["role"] for thread in phase["server"]["threads"]]
    assert roles.count("event loop") == 2

"""A real server whose routes, functions, threads, lines and answers are hostile, in every view."""

from __future__ import annotations

import html
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.command import Command, eventually
from tests.integration.running import Clients, Running
from tests.strangers import nasty
from tests.strangers.nasty import assert_inert, assert_inert_screen

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
PATHS = ["/async", "/def", *(f"/{i}/{quote(part)}x" for i, part in enumerate(nasty.ALL))]
OPTION = f"x={nasty.CLIPBOARD}{nasty.BIDI}{nasty.MARKUP}"
"""Python takes any word after -X, and so it is in the list of processes."""
SERVER = [
    sys.executable, "-X", OPTION, "-m", "uvicorn", "hostile:app", "--app-dir", str(HERE / "apps"),
    "--port", "0",
]  # fmt: skip
ASKED = [word for path in PATHS for word in ("--url", path)]


@pytest.fixture
def run(tmp_path):
    """Starts `threadscope ...`; nothing of it is left."""
    started = []

    def start(*arguments, **more) -> Command:
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir(mode=0o700)
        started.append(Command(folder, *map(str, arguments), **more))
        return started[-1]

    yield start
    for command in started:
        command.end()


def test_on_the_screen_nothing_of_it_reaches_the_terminal(run):
    command = run("run", *ASKED, "-c", "2", "--", *SERVER, terminal=(36, 120))
    command.wait_for("/async")
    command.wait_for("/1/click")
    # which of the routes a finding names is not certain: as many requests of each of them fail
    views = (("2", "/1/click"), ("4", "alert(1)"), ("3", "requests failed"), ("1", "queued"))
    for key, shows in views:
        seen = command.out.plain.count(shows)
        command.press(key)
        command.wait_for(shows, seen + 1)
    eventually(lambda: command.press_until_it_ends("q"))
    assert command.status() in (0, 1)
    assert_inert_screen(command.out.data)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The lines of a run in text mode, and the session that it saved."""
    folder = tmp_path_factory.mktemp("hostile")
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    command = Command(
        runtime, "run", "--no-tui", "-z", "1500ms", "--save", str(folder / "x.tscope"), *ASKED,
        "-c", "2", "--", *SERVER,
    )  # fmt: skip
    try:
        assert command.status() == 0, command.err.text
        return folder, command.out.text, command.err.text
    finally:
        command.end()


def threadscope_(folder, *arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "threadscope", *map(str, arguments)], capture_output=True,
        text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
        cwd=folder, env={**os.environ, "TERM": "dumb", "PYTHONPATH": str(HERE.parents[1])},
    )  # fmt: skip


def test_in_plain_lines(kept):
    _, out, err = kept
    assert "/async" in out
    assert "GET /9/" in out
    assert_inert(out)
    assert_inert(err)


@pytest.mark.parametrize("form", ["--json", "--markdown"])
def test_in_the_report_of_its_session(kept, form):
    done = threadscope_(kept[0], "report", "x.tscope", form)
    assert done.returncode == 0, done.stderr
    assert_inert(done.stdout)
    assert "/async" in done.stdout
    if form == "--json":
        text = json.dumps(json.loads(done.stdout), ensure_ascii=False)
        assert_inert(text)
    else:
        outside_code = re.sub(r"`[^`]*`", "", done.stdout)
        assert "<script>" not in outside_code.replace("\\<", "")


@pytest.mark.parametrize("form", ["csv", "chrometrace"])
def test_in_what_is_exported_of_its_session(kept, form):
    done = threadscope_(kept[0], "export", "x.tscope", "--to", form, "-o", "x.out")
    assert done.returncode == 0, done.stderr
    text = (kept[0] / "x.out").read_text()
    text = json.dumps(json.loads(text), ensure_ascii=False) if form == "chrometrace" else text
    assert "/async" in text
    assert_inert(text)


def test_in_the_screencast_of_its_replay_and_its_pictures(kept):
    folder = kept[0]
    done = threadscope_(
        folder, "replay", "x.tscope", "--speed", "16", "--record", "x.cast", "--screenshot",
        "x.svg", "--size", "120x36",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, *events = map(json.loads, (folder / "x.cast").read_text().splitlines())
    assert_inert(head["title"])
    assert_inert_screen("".join(data for _, code, data in events if code == "o").encode())
    for form in ("html", "txt"):
        made = threadscope_(folder, "export", "x.cast", "--to", form, "-o", f"made.{form}")
        assert made.returncode == 0, made.stderr
        text = (folder / f"made.{form}").read_text()
        assert_inert(html.unescape(text))
        assert form == "txt" or "<script>alert" not in text
    still = (folder / "x.svg").read_text()
    assert_inert(html.unescape(still))
    assert not re.search(r"<script|<a |href=\"(?!#r)|onload", still)


def test_when_it_runs_already(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)  # a socket's whole path has 108 bytes at most
    words = ["-m", "threadscope.probe", "--"]
    server = Running(
        tmp_path, "hostile:app", before=words, env={"PYTHONPATH": str(HERE / "apps")},
        python=(sys.executable, "-X", OPTION),
    )  # fmt: skip
    rude = socket.socket(socket.AF_UNIX)
    try:
        name = "\x1b[6n\n0: 00000002 00000000 00010000 0001 01 1 \u202e\udcff.sock"
        rude.bind(name)
        rude.listen()
        with Clients(server.port, "/def", 1) as clients:
            for arguments in (["dump", server.pid], ["dump", server.pid, "--json"], ["attach"]):
                command = run(*arguments, env={"XDG_RUNTIME_DIR": str(tmp_path)})
                assert command.status() == 0, command.err.text
                assert_inert(command.out.text)
                assert str(server.pid) in command.out.text
            assert clients.statuses, clients.errors
    finally:
        rude.close()
        server.end()


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", "{}", "--record", "x.cast"], ["export", "{}", "--to", "svg"],
        ["run", "--", "{}"], ["attach", "{}"], ["load", "http://127.0.0.1:1/", "-H", "{}: x"],
        ["demo", "{}"],
        ["demo", "cpu", "--save", "/nowhere/{}"], ["run", "--url", "{}", "--", "x"], ["{}"],
    ],
)  # fmt: skip
def test_in_errors_about_what_one_was_given(tmp_path, arguments):
    """A name that somebody else chose: a file from an archive, a URL from a page."""
    rude = nasty.EVERYTHING.replace("\x00", "")[:150].replace("/", "")
    done = threadscope_(tmp_path, *(word.replace("{}", rude) for word in arguments))
    assert done.returncode not in (0, -2)
    assert "Traceback" not in done.stderr
    assert_inert(done.stderr)
    assert_inert(done.stdout)

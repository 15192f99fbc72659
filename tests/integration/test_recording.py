"""Recorded from outside: a real demo, with and without a terminal, and what is made of it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import termios
from html import unescape
from pathlib import Path

import pytest

from tests.integration.command import WORK, eventually
from threadscope.recording.frames import Cast, Cut, Terminal, frames
from threadscope.recording.slices import read_trace
from threadscope.tui.casting import HOUSEKEEPING

pytestmark = pytest.mark.integration

CHECKOUT = str(Path(__file__).parents[2])
FOR_A_PLAYER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def threadscope_(*arguments, cwd, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "threadscope", *map(str, arguments)], capture_output=True, text=True,
        cwd=cwd, stdin=subprocess.DEVNULL, timeout=60, check=False, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with a session, a screencast, a picture and a live report of the same run."""
    folder = tmp_path_factory.mktemp("kept")
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    done = threadscope_(
        "demo", "cpu", "--work", WORK, "-z", "1500ms", "--record", "x.cast", "--save", "x.tscope",
        "--screenshot", "x.svg", "--size", "100x30", cwd=folder,
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime), "TERM": "dumb", "PYTHONPATH": CHECKOUT},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(runtime.glob("threadscope/*"))
    (folder / "closing.txt").write_text(done.stdout)
    return folder


def last_text(path) -> str:
    *_, (frame, _) = frames(Cast(path), Cut())
    return frame.text


def test_without_a_terminal_the_tour_is_filmed_to_its_card(kept):
    cast = Cast(kept / "x.cast")
    assert (cast.version, cast.columns, cast.rows) == (2, 100, 30)
    assert cast.title == "threadscope demo cpu"
    text = last_text(kept / "x.cast")
    assert "What the tour saw" in text
    assert "demo cpu" in text.splitlines()[0]
    events = list(cast.events())
    marks = [event.data for event in events if event.code == "m"]
    assert marks == ["async def /cpu/async/{client}", "def /cpu/def/{client}"]
    assert any("38;2;" in event.data for event in events)
    assert not any(re.search(r"\x1b\[\?(?:1049|1000|2026)", event.data) for event in events)


def test_the_picture_at_the_end_is_the_casts_last(kept):
    words = set(last_text(kept / "x.cast").split())
    drawn = (kept / "x.svg").read_text()
    shown = set(" ".join(re.findall(r">([^<>]+)</text>", drawn)).split())
    assert {"async", "CONCURRENT", "SEQUENTIAL", "requests"} <= words & shown


def test_the_summary_is_printed_as_by_hand(kept):
    closing = (kept / "closing.txt").read_text()
    assert ["async", "def"] in [line.split() for line in closing.splitlines()]


def test_the_report_of_the_session_is_the_live_one(demo, tmp_path):
    saved = ("--json", "--save", str(tmp_path / "x.tscope"))
    run = demo("--work", WORK, "-n", "6", "--set", "loop-blocked=1ms", *saved)
    assert run.status() == 0
    again = threadscope_("report", "x.tscope", "--json", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert json.loads(again.stdout) == run.document
    lints = [found["lint"] for phase in run.document["phases"] for found in phase["findings"]]
    assert "loop-blocked" in lints


def test_the_report_as_markdown(kept):
    done = threadscope_("report", "x.tscope", "--markdown", cwd=kept)
    assert done.returncode == 0
    assert done.stdout.startswith("# demo cpu\n")
    assert "| behaviour | SEQUENTIAL | CONCURRENT |" in done.stdout


def test_slices_equal_what_the_server_counted(kept):
    from threadscope.recording.decode import SessionFile
    from threadscope.recording.feed import snapshots

    trace = read_trace(SessionFile(kept / "x.tscope"), lambda done: None)
    *_, (last, _) = snapshots(SessionFile(kept / "x.tscope"))
    hops = {row.label: row.hops for row in last.threads if row.hops}
    mine: dict[str, int] = {}
    for one in trace.slices:
        if one.kind == "hop":
            label = trace.threads[one.pid, one.tid]
            mine[label] = mine.get(label, 0) + 1
    assert mine == hops
    assert len(mine) == 4


def test_asciinema_plays_it(kept):
    if shutil.which("asciinema") is None:
        pytest.skip("needs the package asciinema")
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", FOR_A_PLAYER, "asciinema", "cat", str(kept / "x.cast")],
        stdin=slave, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    out, _ = process.communicate(timeout=30)
    os.close(slave)
    os.close(master)
    assert process.returncode == 0
    terminal = Terminal(100, 30)
    terminal.feed(out.decode())
    assert terminal.frame(0.0).text == last_text(kept / "x.cast")


@pytest.mark.parametrize("form", ["svg", "html", "gif", "txt"])
def test_exports_of_a_screencast(kept, form):
    if form == "gif":
        pytest.importorskip("PIL", reason="needs the package pillow")
    done = threadscope_("export", "x.cast", "-o", f"out.{form}", "--fps", "4", cwd=kept)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"wrote out.{form}\n"
    if form == "gif":
        from PIL import Image

        with Image.open(kept / "out.gif") as picture:
            assert picture.n_frames > 10


IN_THE_BROWSER = """<script>
const strip = document.getElementById("film"), places = new Set();
function look() {
  places.add(String(getComputedStyle(strip).transform) + strip.getAttribute("transform"));
}
const own = document.getAnimations()[0], last = document.getElementById("seek");
const playing = own ? own.playState === "running" : document.getElementById("play").textContent;
for (let i = 0; i <= 40; i++) {
  if (own) own.currentTime = own.effect.getComputedTiming().duration * i / 40.001;
  else { last.value = last.max * i / 40; last.oninput(); }
  look();
}
const box = strip.lastElementChild.getBoundingClientRect();
const words = [...strip.lastElementChild.querySelectorAll("use")]
  .map(use => document.querySelector(use.getAttribute("href")).textContent).join(" ");
document.body.dataset.seen = JSON.stringify({
  places: places.size, playing, words, inView: box.left >= 0 && box.right <= innerWidth + 20,
});
</script>"""
"""Steps through the film with its own controls, and writes down what it saw."""


@pytest.mark.parametrize("form", ["svg", "html"])
def test_a_browser_shows_the_last_words_and_that_it_moves(kept, form, tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs the package chromium")
    threadscope_("export", "x.cast", "-o", f"{tmp_path}/out.{form}", "--fps", "4", cwd=kept)
    page = tmp_path / "look.html"
    text = (tmp_path / f"out.{form}").read_text()
    assert ("<script" in text) == (form == "html")
    page.write_text(text + IN_THE_BROWSER)
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/b",
         "--window-size=1400,900", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    seen = json.loads(unescape(found[1]))
    assert seen["places"] > 10
    assert seen["playing"] in (True, "pause")
    assert seen["inView"]
    assert "What the tour saw" in seen["words"]


def test_a_terminals_own_screen_is_what_the_cast_ends_on(demo, tmp_path):
    path = tmp_path / "t.cast"
    run = demo(
        "--work", WORK, "--mode", "def", "--record", str(path), terminal=(30, 100)
    )  # fmt: skip
    run.wait_for("CONCURRENT")
    run.press(" ")
    eventually(lambda: "PAUSED" in run.out.plain)
    fcntl.ioctl(run.master, termios.TIOCSWINSZ, struct.pack("4H", 26, 90, 0, 0))
    eventually(lambda: path.read_bytes().count(b'"r"') or run.press("z"), what="a resize")
    run.press("q")
    assert run.status() == 0
    run.assert_terminal_usable()
    text = last_text(path).split("\n")
    assert len(text) == 26
    assert "PAUSED" in text[0]
    before = run.out.text.rpartition("\x1b[?1049l")[0]
    terminal = Terminal(100, 30)  # it was drawn anew, in its upper left
    terminal.feed(HOUSEKEEPING.sub("", before.rpartition("\x1b[?1049h")[2]))
    shown = terminal.frame(0.0).text.split("\n")[:26]
    assert text == [line[:90].rstrip() for line in shown]


def test_keys_record_and_take_pictures(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = demo(
        "--work", WORK, "--mode", "def", terminal=(30, 100), env={"PYTHONPATH": CHECKOUT}
    )  # fmt: skip
    run.wait_for("CONCURRENT")
    run.press("r")
    [cast] = eventually(lambda: list(tmp_path.glob("*.cast")))
    eventually(lambda: cast.stat().st_size > 20_000)
    run.press("r")
    run.wait_for("recorded ")
    run.press("p")
    [picture] = eventually(lambda: list(tmp_path.glob("*.svg")))
    run.press("q")
    assert run.status() == 0
    assert "CONCURRENT" in last_text(cast)
    assert "CONCURRENT" in picture.read_text()


def test_a_session_that_is_killed_replays_to_there(demo, tmp_path):
    path = tmp_path / "x.tscope"
    run = demo("--work", WORK, "--no-tui", "--save", str(path))
    eventually(lambda: path.exists() and path.stat().st_size > 4000)
    run.signal(9)
    run.status()
    done = threadscope_("replay", path, "--speed", "16", "--record", "r.cast", cwd=tmp_path)
    assert done.returncode == 1
    assert "ends early" in done.stderr or "cut off" in done.stderr
    text = last_text(tmp_path / "r.cast")
    assert "REPLAY 16x" in text
    assert "demo cpu" in text


def test_a_disk_that_fills_up_is_said_and_the_observation_goes_on(demo, tmp_path):
    path = tmp_path / "x.tscope"
    run = demo("--work", WORK, "--mode", "async", "-z", "5s", "--no-tui", "--save", str(path))
    size = eventually(lambda: path.exists() and path.stat().st_size > 4000 and path.stat().st_size)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (size + 1000, limit))
    run.wait_for("limited: x.tscope ends here: File too large")
    served = run.served()
    eventually(lambda: run.served() > served + 4)
    assert run.status() == 1
    assert "Error: x.tscope ends here: File too large\n" in run.err.text
    assert "SEQUENTIAL" in run.out.text
    again = threadscope_("report", path, "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["phases"][0]["aborted"] == "the file ends here"


@pytest.mark.parametrize(
    "options",
    [["--save", "nowhere/x.tscope"], ["--record", "nowhere/x.cast", "--size", "90x30"],
     ["--screenshot", "nowhere/x.svg"], ["--record", "/dev/full"]],
)  # fmt: skip
def test_a_path_that_cannot_be_written_is_refused_before_anything_starts(demo, tmp_path, options):
    run = demo(*options)
    assert run.status() == 1
    assert run.err.text.startswith("Error: cannot write ")
    assert run.err.text.count("\n") == 1
    assert run.out.text == ""


@pytest.mark.parametrize(
    "options",
    [["--record", "x.cast", "--json"], ["--size", "90x30"], ["--record", "x.cast", "--size", "9"]],
)
def test_options_that_do_not_go_together(demo, options):
    run = demo(*options)
    assert run.status() == 2
    assert "Error: " in run.err.text


@pytest.mark.parametrize("command", ["replay", "report", "export"])
def test_foreign_files_are_one_line(tmp_path, command):
    (tmp_path / "foreign").write_bytes(b"\x7fELF" + bytes(300))
    more = {"export": ["--to", "svg"], "replay": ["--record", "x.cast"], "report": []}[command]
    done = threadscope_(command, "foreign", *more, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: foreign is no ")
    assert done.stderr.count("\n") == 1

"""Files that a stranger made: sessions and screencasts that lie, swell, steer or never end."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recording.saved import save_session
from tests.strangers.nasty import EVERYTHING, assert_inert
from threadscope.recording import memory
from threadscope.recording.blocks import FIRST_LINE, FORMAT, HEAD, RECORD, BlockReader
from threadscope.recording.chrometrace import chrome_trace, table
from threadscope.recording.decode import SessionFile
from threadscope.recording.errors import RecordingError
from threadscope.recording.export import export_cast, is_session
from threadscope.recording.feed import snapshots
from threadscope.recording.frames import Cast, Cut, frames
from threadscope.recording.slices import read_trace
from threadscope.recording_report import judge_of, saved_report
from threadscope.report.dump import dump_lines
from threadscope.report.text import TextReport
from threadscope.tui.app import ThreadscopeApp

HEADER = ["begin", {"threadscope": "9", "host": {}, "saved": 1, "started": 5, "wall_offset": 0}]
NUMBERS = (0, 1, -1, 2**63, 2**64 - 1, -(2**63), 10**19, -(10**12), 1e18, 0.5)


def block(text: bytes, records: bytes = b"") -> bytes:
    packed = zlib.compress(text + records, 1)
    return HEAD.pack(len(packed), zlib.crc32(packed), len(text)) + packed


def session(path, *texts: bytes):
    begin = block(json.dumps([HEADER]).encode())
    path.write_bytes(FIRST_LINE % FORMAT + begin + b"".join(map(block, texts)))
    return path


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "x.tscope"
    save_session(path)
    return list(BlockReader(path))


def rewritten(path, blocks, change):
    """The same session with other values in its entries."""
    data = FIRST_LINE % FORMAT
    for one in blocks:
        entries = [[name, *map(change, rest)] for name, *rest in one.entries]
        records = b"".join(RECORD.pack(*record) for record in one.records)
        data += block(json.dumps(entries).encode(), records)
    path.write_bytes(data)
    return path


def everywhere(change):
    """Applies a change to all that is no list and no dict."""

    def walk(value):
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        return change(value)

    return walk


class Shelf:
    """A source that gives what one puts there."""

    snapshot = None

    def latest(self):
        return self.snapshot


def screens(found) -> list[str]:
    """Each snapshot as the terminal would show it, in all views."""
    shown = []

    async def show() -> None:
        shelf = Shelf()
        app = ThreadscopeApp(shelf, None)
        async with app.run_test(size=(120, 36)) as pilot:
            for snapshot, view in zip(found, "12341234", strict=False):
                shelf.snapshot = snapshot
                app.tick()
                await pilot.press(view)
                await pilot.pause()
                strips = app.screen._compositor.render_strips()
                lines = ["".join(segment.text for segment in line) for line in strips]
                assert {sum(x.cell_length for x in line) for line in strips} == {120}
                shown.append("\n".join(lines))

    asyncio.run(show())
    return shown


# -- steering ------------------------------------------------------------------------------------
def test_texts_of_a_session_are_inert_in_every_view(tmp_path, blocks):
    words = {"measure", "drain", "done", "settle", "starting", "event loop", "worker", "warn"}
    words |= {"info", "error", "sequential", "async", "R", "S"}

    def spoilt(value):
        return value + EVERYTHING if isinstance(value, str) and value not in words else value

    path = rewritten(tmp_path / "x.tscope", blocks, everywhere(spoilt))
    file, report, lines, seen = SessionFile(path), TextReport(), [], []
    for snapshot, _ in snapshots(file, judge_of(file)):
        lines += [*report.lines(snapshot), *dump_lines(snapshot)]
        seen.append(snapshot)
    assert len(seen) > 80
    assert "alert(1)" in "".join(lines)
    for line in lines:
        assert_inert(line, lines=False)
    pictures = screens(seen[10::10])
    assert "[bold red on white]" in "".join(pictures)
    for picture in pictures:
        assert_inert(picture)
    for form in ("json", "markdown"):
        assert_inert(saved_report(path, form)[0])
    trace = read_trace(SessionFile(path), lambda done: None)
    assert_inert(json.dumps(json.loads(chrome_trace(trace)), ensure_ascii=False))
    assert_inert(table(trace))


def test_a_name_is_no_formula_in_a_table(tmp_path, blocks):
    def spoilt(value):
        return "=cmd|'/c calc'!A1" if isinstance(value, str) and "\x1f" in value else value

    path = rewritten(tmp_path / "x.tscope", blocks, everywhere(spoilt))
    text = table(read_trace(SessionFile(path), lambda done: None))
    assert "calc" in text
    assert ",=" not in text


@pytest.mark.parametrize("form", ["html", "svg", "txt"])
def test_a_screencast_steers_nothing_where_it_is_made_a_picture(tmp_path, form):
    path, to = tmp_path / "x.cast", tmp_path / "made"
    head = {"version": 2, "width": 80, "height": 4, "title": f"@SVG@ @TIMES@{EVERYTHING}"}
    events = [[0.1, "o", EVERYTHING], [0.5, "o", "\x1b[2J" + EVERYTHING[::-1] + "\r\n<b>&"]]
    path.write_text("\n".join(map(json.dumps, [head, *events])))
    export_cast(path, to, form, Cut(), lambda done: None)
    text = to.read_text()
    assert_inert(text)
    assert "alert(1)" not in text or "<script>alert" not in text
    assert form != "html" or text.count("<svg xmlns") == 1


# -- lying ---------------------------------------------------------------------------------------
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**32), st.sampled_from([0.0001, 0.001, 0.01]))
def test_any_values_are_a_session_or_the_documented_error(tmp_path, blocks, seed, share):
    chance = random.Random(seed)

    def spoilt(value):
        if chance.random() > share:
            return value
        if isinstance(value, str):
            return chance.choice(["", "x" * 600, EVERYTHING, "measure"])
        return chance.choice([*NUMBERS, None, "x", [], {}, True])

    path = rewritten(tmp_path / "x.tscope", blocks, everywhere(spoilt))
    try:
        file, report = SessionFile(path), TextReport()
        for snapshot, _ in snapshots(file, judge_of(file)):
            for line in (*report.lines(snapshot), *dump_lines(snapshot)):
                assert_inert(line, lines=False)
        saved_report(path, "json")
        table(read_trace(SessionFile(path), lambda done: None))
    except RecordingError:
        pass  # nothing else may come of it


@pytest.mark.parametrize(
    "text",
    [
        b'[["advance",NaN]]', b'[["advance",1e999]]', b'[["advance",' + b"9" * 4000 + b"]]",
        b'[["advance",99999999999999999999999]]', b"{}", b'"x"',
        b'[["snapshot",{"monitor_percent":-Infinity}]]',
    ],
)  # fmt: skip
def test_numbers_that_nothing_can_have_end_the_file(tmp_path, text):
    file = SessionFile(session(tmp_path / "x.tscope", text))
    assert list(snapshots(file)) == []
    assert "cut off or damaged" in file.trouble


def test_lists_in_lists_in_lists_are_no_session(tmp_path):
    """How many of them a JSON parser goes down into depends on the Python."""
    file = SessionFile(session(tmp_path / "x.tscope", b"[" * 5000 + b"]" * 5000))
    try:
        assert list(snapshots(file)) == []
        said = file.trouble
    except RecordingError as error:
        said = str(error)
    assert "cut off or damaged" in said or said.endswith("holds what this version cannot read")


def test_a_moment_that_is_far_away_takes_no_time(tmp_path):
    """Time is passed in steps of 100 ms: there are 10**11 of them in 64 bits."""
    far = b'[["advance",18000000000000000000],["snapshot",{}],["end"]]'
    [(snapshot, _)] = snapshots(SessionFile(session(tmp_path / "x.tscope", far)))
    assert snapshot.at > 10**18


@pytest.mark.parametrize("t", ["NaN", "Infinity", "-1", '"nan"', "1e300", "9" * 400, "null", "[]"])
@pytest.mark.parametrize("version", [2, 3])
def test_events_have_times_of_a_clock(tmp_path, t, version):
    path, size = tmp_path / "x.cast", {"cols": 80, "rows": 4}
    head = {"version": version, "width": 80, "height": 4, "term": size}
    path.write_text(f'{json.dumps(head)}\n[{t}, "o", "x"]\n[1, "o", "y"]\n')
    with pytest.raises(RecordingError, match="line 2: no event"):
        list(frames(Cast(path), Cut()))


# -- swelling ------------------------------------------------------------------------------------
BOMBS = {
    "zeros": lambda: block(b"[]" + b" " * (4 << 20), bytes(80 << 20)),
    "lists": lambda: block(b"[" + b"[]," * (3 << 20) + b"[]]"),
    "long text": lambda: block(b'[["limited","' + b"x" * (40 << 20) + b'"]]'),
    "records": lambda: block(b'[["batch",1,0,5,0,{}]]', bytes(RECORD.size * 700_000)),
    "length": lambda: HEAD.pack(2**32 - 1, 0, 2**32 - 1) + b"x" * 100,
    "threads": lambda: block(
        b'[["sample",1,5,5,['
        + b",".join(b'[%d,1,"","R",0,1,1,1,1]' % i for i in range(20_000))
        + b"],null]]"
    ),
    "processes": lambda: block(
        b"[" + b",".join(b'["batch",%d,0,5,0,{}]' % i for i in range(5_000)) + b"]"
    ),
}
READ = """
import resource, sys
from pathlib import Path
from threadscope.recording.errors import RecordingError
from threadscope.recording_report import saved_report
resource.setrlimit(resource.RLIMIT_AS, (1_200_000_000,) * 2)
for name in sys.argv[1:]:
    try:
        saved_report(Path(name), "json")
    except RecordingError as error:
        print(error)
"""


def test_small_files_that_unpack_into_much_are_left(tmp_path):
    """In a process that has no more than 1.2 GB of addresses, libraries included."""
    paths = [session(tmp_path / f"{name}.tscope") for name in BOMBS]
    for path, bomb in zip(paths, BOMBS.values(), strict=True):
        path.write_bytes(path.read_bytes() + bomb())
    done = subprocess.run(
        [sys.executable, "-c", READ, *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert len(said) == len(BOMBS)
    assert all(path.name in line for path, line in zip(paths, said, strict=True))


def test_a_file_gets_its_share_of_the_memory_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "SHARE", 0.0)
    file = SessionFile(session(tmp_path / "x.tscope", b'[["advance",7]]'))
    with pytest.raises(RecordingError, match="MiB of memory: it is too long, or damaged"):
        list(snapshots(file))


@pytest.mark.parametrize(
    "size", [(1001, 1), (1, 1001), (1000, 1000), (0, 5), (True, 5), (2**70, 1)]
)
def test_no_screen_is_as_large_as_a_screencast_may_say(tmp_path, size):
    path = tmp_path / "x.cast"
    path.write_text(json.dumps({"version": 2, "width": size[0], "height": size[1]}))
    with pytest.raises(RecordingError, match="is no screencast"):
        Cast(path)


# -- no files ------------------------------------------------------------------------------------
@pytest.mark.parametrize("read", [SessionFile, Cast, is_session])
def test_what_is_no_file_keeps_nobody_waiting(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(RecordingError, match="it is not a file"):
            read(path)
    (tmp_path / "endless").symlink_to("/dev/zero")
    with pytest.raises(RecordingError, match="it is not a file"):
        read(tmp_path / "endless")

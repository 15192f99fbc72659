from __future__ import annotations

import json
import resource
import signal
import tracemalloc

import pytest

from threadscope.recording.camera import Camera
from threadscope.recording.cast import CastWriter
from threadscope.recording.errors import RecordingError


class Clock:
    def __init__(self) -> None:
        self.now = 7.0

    def __call__(self) -> float:
        return self.now


def lines(path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path, version=2, every=0.25, count=4):
    clock = Clock()
    cast = CastWriter(path, 80, 24, version=version, title="t", clock=clock)
    for i in range(count):
        cast.output(f"\x1b[1m{i} ▅\x1b[0m")
        clock.now += every
    cast.resize(80, 24)
    cast.resize(100, 30)
    cast.marker("here")
    cast.close()
    return lines(path)


def test_version_2(tmp_path):
    head, *events = write(tmp_path / "x.cast")
    assert {**head, "timestamp": 0} == {
        "version": 2, "width": 80, "height": 24, "timestamp": 0, "title": "t",
    }  # fmt: skip
    assert [event[0] for event in events] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert events[0][1:] == ["o", "\x1b[1m0 ▅\x1b[0m"]
    assert [event[1:] for event in events[4:]] == [["r", "100x30"], ["m", "here"]]


def test_version_3(tmp_path):
    head, *events = write(tmp_path / "x.cast", version=3)
    assert head["version"] == 3
    assert head["term"] == {"cols": 80, "rows": 24}
    assert [event[0] for event in events] == [0.0, 0.25, 0.25, 0.25, 0.25, 0.0]


def test_differences_do_not_drift(tmp_path):
    _, *events = write(tmp_path / "x.cast", version=3, every=0.01049, count=2000)
    assert round(sum(event[0] for event in events), 3) == round(0.01049 * 2000, 3)


def test_an_hour_needs_no_more_memory_than_a_minute(tmp_path):
    frame, clock = "\x1b[38;2;1;2;3m▅" * 1000, Clock()
    cast = CastWriter(tmp_path / "x.cast", 120, 36, clock=clock)
    tracemalloc.start()
    for _ in range(800):
        cast.output(frame)
        clock.now += 0.25
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    cast.close()
    assert (tmp_path / "x.cast").stat().st_size > 10_000_000
    assert most < 1_000_000


@pytest.mark.parametrize("path", ["nowhere/x.cast", "/dev/full", "."])
def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path, path):
    with pytest.raises(RecordingError, match="cannot write"):
        CastWriter(tmp_path / path, 80, 24)


def test_other_files_are_not_overwritten(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine\n")
    with pytest.raises(RecordingError, match="choose another name"):
        CastWriter(path, 80, 24)
    assert path.read_text() == "mine\n"


def test_where_nothing_was_seen_there_is_no_file(tmp_path):
    path = tmp_path / "x.cast"
    CastWriter(path, 80, 24).close()
    assert not path.exists()


def test_a_full_disk_leaves_whole_lines(tmp_path):
    path, limits = tmp_path / "x.cast", resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    camera, clock = Camera(), Clock()
    camera.open(path, 80, 24)
    camera._cast._clock = clock
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        for _ in range(500):
            camera.output("x" * 1000, 80, 24)
            clock.now += 0.1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert camera.trouble == "x.cast ends here: File too large"
    assert camera.stop() == "x.cast ends here: File too large"
    assert path.read_bytes().endswith(b"\n")
    assert 150 < len(lines(path)) < 210


def test_a_camera_names_what_it_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    camera = Camera("t")
    assert camera.start(80, 24).startswith("recording threadscope-")
    camera.output("hello", 80, 24)
    assert camera.rolling
    assert camera.stop().startswith("recorded threadscope-")
    assert not camera.rolling
    assert camera.stop() == ""
    assert camera.picture("hello", 80, 24).startswith("wrote threadscope-")
    made = {path.suffix: path.read_text() for path in tmp_path.iterdir()}
    assert set(made) == {".cast", ".svg"}
    assert "hello" in made[".svg"]
    assert "hello" in made[".cast"]

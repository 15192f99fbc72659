"""Files that are written: by one of us at a time, and as a whole."""

from __future__ import annotations

import os
import resource
import signal
import stat

import pytest

from threadscope.keep import Keep
from threadscope.recording.camera import Camera
from threadscope.recording.cast import CastWriter
from threadscope.recording.encode import Encoder
from threadscope.recording.errors import RecordingError
from threadscope.recording.paths import write_whole

WRITERS = [Encoder, lambda path: CastWriter(path, 80, 24)]


@pytest.fixture
def little_room():
    """No file may have more than 3,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_is_being_written_is_nobody_elses(tmp_path, writer):
    path = tmp_path / "same"
    first = writer(path)
    with pytest.raises(RecordingError, match="is being written by another threadscope: choose"):
        writer(path)
    first.close()
    writer(path).close()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_device_has_room_for_many_and_stays(tmp_path, writer):
    null = tmp_path / "null"  # not the one that all need: this test may fail
    try:
        os.mknod(null, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        null.write_text("x")
    except OSError:
        pytest.skip("no devices may be made here")
    for one in [writer(null), writer(null)]:
        one.close()
    assert stat.S_ISCHR(null.stat().st_mode)


@pytest.mark.parametrize("writer", WRITERS)
def test_of_an_empty_file_nothing_stays_but_what_somebody_else_put_there(tmp_path, writer):
    path, other = tmp_path / "x", tmp_path / "other"
    writer(path).close()
    assert not path.exists()
    one = writer(path)
    other.write_text("other")
    other.replace(path)
    one.close()
    assert path.read_text() == "other"


@pytest.mark.parametrize("content", ["é" * 100, b"\0" * 100])
def test_what_was_there_is_replaced(tmp_path, content):
    path = tmp_path / "x.svg"
    path.write_text("older")
    path.chmod(0o640)
    write_whole(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("older", ["older", None])
def test_without_room_what_was_there_stays(tmp_path, little_room, older):
    path = tmp_path / "x.svg"
    if older:
        path.write_text(older)
    with pytest.raises(RecordingError, match=r"cannot write .*x\.svg: File too large"):
        write_whole(path, "x" * 5000)
    assert [one.read_text() for one in tmp_path.iterdir()] == ([older] if older else [])


def test_a_link_is_followed_where_it_may_be_and_stays_one(tmp_path):
    path, link = tmp_path / "x.svg", tmp_path / "link"
    link.symlink_to(path)
    write_whole(link, "one", links=True)
    write_whole(link, "two", links=True)
    assert (path.read_text(), link.is_symlink()) == ("two", True)
    with pytest.raises(RecordingError, match="symbolic link"):
        write_whole(link, "three")
    assert path.read_text() == "two"


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "text")
    assert os.read(reading, 100) == b"text"
    os.close(reading)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_all_that_went_wrong_is_said(tmp_path, little_room):
    keep = Keep("x", record=tmp_path / "x.cast", screenshot=tmp_path / "x.svg", size=(80, 24))
    camera = keep.camera()
    camera.output("x" * 5000, 80, 24)
    camera.output("x" * 100_000, 80, 24)
    said = keep.finish(camera, "".join(f"\x1b[3{n % 7}mx" for n in range(1900)))
    assert said.startswith("x.cast ends here: File too large; cannot write ")
    assert said.endswith("x.svg: File too large")
    assert not (tmp_path / "x.svg").exists()
    assert isinstance(camera, Camera)

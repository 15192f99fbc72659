"""Symbolic links in the place of what is written: before, and between a look and the opening."""

from __future__ import annotations

import os

import pytest

from threadscope.probe import folders, state
from threadscope.probe.ring import RingWriter
from threadscope.recording.camera import write_picture
from threadscope.recording.cast import CastWriter
from threadscope.recording.encode import Encoder
from threadscope.recording.errors import RecordingError
from threadscope.recording.paths import check_writable
from threadscope.rings.folder import new_run, sweep
from threadscope.rings.reader import RingReader

WRITERS = {
    "session": Encoder,
    "screencast": lambda path: CastWriter(path, 80, 24),
    "picture": lambda path: write_picture(path, "x", 80, 24, "x"),
}


@pytest.fixture
def theirs(tmp_path):
    """A file that nobody asked to have overwritten."""
    path = tmp_path / "theirs"
    path.write_text("mine\n")
    return path


@pytest.fixture
def swapped(monkeypatch):
    """Calls something right before or after the next call of a function of `os`."""

    def swap(name, change, *, before=False):
        real = getattr(os, name)

        def once(*arguments, **more):
            monkeypatch.setattr(os, name, real)
            if before:
                change()
            result = real(*arguments, **more)
            if not before:
                change()
            return result

        monkeypatch.setattr(os, name, once)

    return swap


# -- files that are saved ------------------------------------------------------------------------
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_is_refused_in_words(tmp_path, theirs, kind, there):
    link = tmp_path / "link"
    link.symlink_to(theirs if there else tmp_path / "nothing")
    with pytest.raises(RecordingError, match="it is a symbolic link: name the file itself"):
        WRITERS[kind](link)
    assert theirs.read_text() == "mine\n"
    assert not (tmp_path / "nothing").exists()
    assert link.is_symlink()


@pytest.mark.parametrize("kind", ["session", "screencast"])
def test_a_link_that_comes_right_before_the_opening_is_not_followed(
    tmp_path, theirs, swapped, kind
):
    path = tmp_path / "x"
    check_writable(path)
    swapped("open", lambda: path.symlink_to(theirs), before=True)
    with pytest.raises(RecordingError, match="it is a symbolic link"):
        WRITERS[kind](path)
    assert theirs.read_text() == "mine\n"


def test_a_link_that_comes_while_a_picture_is_written_is_not_followed(tmp_path, theirs, swapped):
    path = tmp_path / "x.svg"
    swapped("open", lambda: path.symlink_to(theirs), before=True)
    WRITERS["picture"](path)
    assert theirs.read_text() == "mine\n"
    assert not path.is_symlink(), "it is replaced as a whole"
    assert path.read_text().startswith("<svg")


@pytest.mark.parametrize("kind", ["session", "screencast"])
@pytest.mark.parametrize("call", ["open", "fstat", "pread"])
def test_what_is_put_in_its_place_later_is_not_emptied(tmp_path, theirs, swapped, kind, call):
    """The file that was looked at is the one that is emptied."""
    path, older = tmp_path / "x", tmp_path / "older"
    writer = WRITERS[kind](path)
    older.write_bytes(path.read_bytes())
    writer.close()
    os.link(older, path)

    def change():
        path.unlink()
        path.symlink_to(theirs)

    swapped(call, change)
    WRITERS[kind](path)
    assert theirs.read_text() == "mine\n"
    assert path.is_symlink()


def test_what_is_put_in_its_place_before_is_looked_at(tmp_path, theirs, swapped):
    path = tmp_path / "x"
    Encoder(path)
    swapped("open", lambda: os.replace(theirs, path), before=True)
    with pytest.raises(RecordingError, match="exists and is no session file"):
        Encoder(path)
    assert path.read_text() == "mine\n"


# -- folders and rings ---------------------------------------------------------------------------
@pytest.fixture
def base(tmp_path, monkeypatch):
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime / "threadscope"


@pytest.fixture
def elsewhere(tmp_path):
    path = tmp_path / "elsewhere"
    path.mkdir(mode=0o700)
    return path


@pytest.mark.parametrize("call", ["open", "fstat"])
def test_no_folder_is_made_where_a_link_leads_that_came_after_the_look(
    base, elsewhere, tmp_path, swapped, call
):
    folders.make_base()

    def change():
        base.rename(tmp_path / "moved")
        base.symlink_to(elsewhere)

    swapped(call, change)
    run = folders.new_run(os.getpid())
    assert list(elsewhere.iterdir()) == []
    assert [path.name for path in (tmp_path / "moved").iterdir()] == [os.path.basename(run)]
    with pytest.raises(OSError, match="No such file"):
        RingWriter(run)


def test_no_ring_is_made_where_a_link_leads(base, elsewhere, monkeypatch):
    run = new_run()
    run.rmdir()
    run.symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        RingWriter(str(run))
    monkeypatch.setattr(state, "given_folder", str(run))
    monkeypatch.setattr(state, "probe", None)
    monkeypatch.setattr(state, "_failed", False)
    assert state.current() is None, "and the server goes on without us"
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_is_swapped_for_a_link_keeps_the_ring(base, elsewhere, tmp_path, swapped):
    run = new_run()

    def change():
        run.rename(tmp_path / "moved")
        run.symlink_to(elsewhere)

    swapped("open", change)
    RingWriter(str(run))
    assert list(elsewhere.iterdir()) == []
    [ring] = (tmp_path / "moved").iterdir()
    RingReader(ring).close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_no_ring_is_made_in_another_users_folder(elsewhere):
    os.chown(elsewhere, 12345, 12345)
    with pytest.raises(OSError, match="belongs to another user"):
        RingWriter(str(elsewhere))
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("ending", ["", ".new"])
def test_a_link_with_the_name_of_a_ring_is_not_written_through(base, theirs, ending):
    run = new_run()
    name = f"server-{os.getpid()}-{folders.birth(os.getpid())}.ring"
    (run / (name + ending)).symlink_to(theirs)
    if ending:
        with pytest.raises(FileExistsError):
            RingWriter(str(run))
    else:
        RingReader(run / RingWriter(str(run)).path).close()  # it took the link's place
    assert theirs.read_text() == "mine\n"


def test_a_link_that_comes_right_before_a_ring_is_opened_is_not_followed(base, tmp_path, swapped):
    run = new_run()
    ring = RingWriter(str(run)).path
    moved = tmp_path / "moved.ring"

    def change():
        os.rename(ring, moved)
        os.symlink(moved, ring)

    swapped("open", change, before=True)
    with pytest.raises(OSError, match="symbolic links"):
        RingReader(run / os.path.basename(ring))


def test_the_sweep_removes_links_of_ours_and_never_what_they_lead_to(base, elsewhere, theirs):
    folders.make_base()
    (elsewhere / "file").write_text("mine\n")
    dead = base / "run-4194304-1-abc"
    dead.mkdir()
    (dead / "link").symlink_to(elsewhere)
    (base / "run-4194304-1-def").symlink_to(elsewhere)
    sweep(base)
    assert not dead.exists()
    assert (elsewhere / "file").read_text() == "mine\n"

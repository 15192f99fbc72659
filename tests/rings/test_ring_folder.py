"""The private folder of the rings, and what is swept out of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from threadscope.probe import folders
from threadscope.probe.ring import RingWriter
from threadscope.rings.folder import FolderError, base_folder, new_run, probe_environment, sweep

ME = psutil.Process().pid


def ticks():
    return folders.birth(ME)


@pytest.fixture
def dead():
    """The PID of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


@pytest.fixture
def base(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "threadscope"


def refusal():
    with pytest.raises(FolderError) as caught:
        base_folder()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_folder_is_made_private(base):
    assert base_folder() == base
    assert base.stat().st_mode & 0o777 == 0o700
    assert base_folder() == base, "a second time"


def test_without_a_runtime_folder_it_carries_the_users_number(monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    path = base_folder()
    assert path.name == f"threadscope-{os.getuid()}"
    assert path.parent in (Path("/dev/shm"), Path(tempfile.gettempdir()))


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o777])
def test_a_folder_that_others_may_enter_is_refused(base, mode):
    base.mkdir()
    base.chmod(mode)
    assert refusal() == f"{base} is not a private folder of yours: remove it"


def test_a_symbolic_link_is_refused(base, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    base.symlink_to(elsewhere)
    assert refusal() == f"{base} is not a private folder of yours: remove it"


def test_a_file_in_its_place_is_refused(base):
    base.write_text("")
    assert refusal() == f"{base} is not a private folder of yours: remove it"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_somebody_elses_folder_is_refused(base):
    base.mkdir(mode=0o700)
    os.chown(base, 65534, 65534)
    assert refusal() == f"{base} is not a private folder of yours: remove it"


def test_a_run_gets_a_private_folder_of_its_own(base):
    first, second = new_run(), new_run()
    assert first != second
    assert first.parent == base
    assert first.stat().st_mode & 0o777 == 0o700
    assert first.name.startswith(f"run-{ME}-{ticks()}-")


def test_the_next_run_sweeps_what_a_dead_one_left(base, dead):
    base_folder()
    left = base / f"run-{dead}-{123}-abc"
    left.mkdir()
    (left / f"server-{dead}-123.ring").write_bytes(b"x")
    mine = new_run()
    assert sorted(base.iterdir()) == [mine]


def test_living_observers_and_servers_are_left_alone(base, dead):
    base_folder()
    observed = base / f"run-{ME}-{ticks()}-abc"
    served = base / f"run-{dead}-1-abc"
    for path in (observed, served):
        path.mkdir()
    (served / f"server-{ME}-{ticks()}.ring").write_bytes(b"x")
    assert sweep(base) == []
    assert observed.is_dir()
    assert served.is_dir()


def test_a_pid_that_was_given_again_is_another_process(base):
    base_folder()
    reused = base / f"run-{ME}-{ticks() - 500}-abc"
    reused.mkdir()
    (reused / f"server-{ME}-{ticks() - 300}.ring").write_bytes(b"x")
    assert sweep(base) == [reused]
    assert not reused.exists()


@pytest.mark.parametrize(
    "name", ["run-x-y-abc", "run-", "run-1", "other", "run-99999999999999-1-a"]
)
def test_unknown_names_do_not_stop_the_sweep(base, name):
    base_folder()
    (base / name).mkdir()
    sweep(base)
    assert (base / name).exists() == (name != "run-99999999999999-1-a")


def test_the_probe_names_its_ring_as_the_sweep_expects(base):
    run = new_run()
    os.rename(run, run := base / "run-1-99-abc")  # an observer that is gone
    writer = RingWriter(str(run))
    assert sweep(base) == []
    os.unlink(writer.path)
    assert sweep(base) == [run]


def test_the_environment_of_a_server(tmp_path):
    made = probe_environment(tmp_path, {"HOME": "/h", "PYTHONPATH": "/a:/b"})
    first, *rest = made["PYTHONPATH"].split(os.pathsep)
    assert Path(first, "sitecustomize.py").is_file()
    assert rest == ["/a", "/b"]
    assert (made["THREADSCOPE_DIR"], made["HOME"]) == (str(tmp_path), "/h")
    assert os.pathsep not in probe_environment(tmp_path, {})["PYTHONPATH"]

"""What taking a probe in does to the disk, with a Python that does nothing else."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.integration.command import eventually
from tests.pythons import other_python
from threadscope.rings.reader import RingReader
from threadscope.targets import inject as injecting
from threadscope.targets.inject import inject

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="it needs /proc"),
]
IDLE = "import time\nprint('up', flush=True)\nwhile True: time.sleep(0.01)"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "run"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def idle(tmp_path):
    """A process of Python 3.14 that leaves all its files open to all; its stderr is a file."""
    command = [other_python("3.14"), "-c", IDLE]
    with (tmp_path / "stderr").open("wb") as errors:
        process = psutil.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, cwd=tmp_path, umask=0
        )
    with process, process.stdout:
        process.stdout.readline()
        yield process
        process.kill()


def files(folder):
    """Names, without the number of a process, and modes."""
    found = {path.name.split("-")[0]: path.lstat() for path in folder.iterdir()}
    assert {status.st_uid for status in found.values()} <= {os.getuid()}
    return {name: stat.S_IMODE(status.st_mode) for name, status in found.items()}


def test_script_and_answer_are_private_and_go_and_the_ring_stays(idle, folder, tmp_path):
    idle.suspend()
    said = []
    asking = threading.Thread(target=lambda: said.append(inject(idle.pid, folder)))
    before = os.umask(0)
    try:
        asking.start()
        eventually(lambda: "enter" in files(folder), what="the script is there")
        assert files(folder) == {"enter": 0o600}
    finally:
        os.umask(before)
        idle.resume()
        asking.join()
    assert said == [""]
    assert files(folder) == {"server": 0o600}
    [ring] = folder.iterdir()
    RingReader(ring).close()
    assert idle.is_running()
    assert (tmp_path / "stderr").read_text() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "stderr"], (
        "nothing elsewhere"
    )


def test_a_process_that_is_too_late_does_nothing_later(idle, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(injecting, "_ANSWER_S", 0.2)
    idle.suspend()
    assert inject(idle.pid, folder) == "its main thread ran no Python code for 0.2 s"
    [script] = folder.iterdir()
    assert script.read_bytes() == b""
    looked = Path(f"/proc/{idle.pid}/io")
    before = looked.read_text()
    idle.resume()
    eventually(lambda: looked.read_text() != before, what="it reads what is left of the script")
    monkeypatch.undo()
    assert inject(idle.pid, folder) == "", "the next time it is in time"
    assert files(folder) == {"server": 0o600}
    assert (tmp_path / "stderr").read_text() == ""


@pytest.mark.parametrize("name", ["enter-{}.py", "answer-{}", "answer-{}.new"])
def test_a_link_in_the_place_of_what_is_written_is_not_followed(idle, folder, tmp_path, name):
    theirs = tmp_path / "theirs"
    theirs.write_text("mine\n")
    (folder / name.format(idle.pid)).symlink_to(theirs)
    assert inject(idle.pid, folder) == ""
    assert theirs.read_text() == "mine\n"
    assert files(folder) == {"server": 0o600}


def test_a_link_in_the_place_of_the_folder_takes_no_ring(idle, folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert inject(idle.pid, link) == "the ring could not be made"
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python is not older than 3.14")
def test_who_cannot_take_it_in_leaves_nothing(folder):
    process = psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with process, process.stdin:
        assert "older than 3.14" in inject(process.pid, folder)
        assert list(folder.iterdir()) == []
        process.send_signal(signal.SIGKILL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_another_user_could_not_read_is_not_written(folder):
    process = psutil.Popen(["sleep", "30"], user=12345, group=12345, extra_groups=())
    with process:
        why = inject(process.pid, folder)
        process.kill()
    assert why == "it runs as another user: run threadscope as that user"
    assert list(folder.iterdir()) == []

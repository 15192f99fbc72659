"""No room: on the tmpfs of the rings, and where the report goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request

import pytest

from tests.integration.command import WORK, eventually, family_of
from tests.integration.running import SERVED
from threadscope.probe import layout as L
from threadscope.rings.folder import FolderError, new_run, no_room
from threadscope.targets.ports import free_port

FULL = """
mount -t tmpfs -o size=64k,mode=700 tmpfs "$XDG_RUNTIME_DIR" || exit 99
"$@"
status=$?
echo "left:$(ls -A "$XDG_RUNTIME_DIR/threadscope")"
exit $status
"""
"""A command in a mount namespace of its own, where the runtime folder is nearly full; then what is
left in that."""


def may_mount():
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    words = ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not may_mount(), reason="no mounts of one's own here")


def start(folder, *words):
    words = ["unshare", "-Urm", "sh", "-c", FULL, "sh", sys.executable, "-m", "threadscope", *words]
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "PYTHONPATH": str(SERVED)}
    return subprocess.Popen(
        words, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.integration
@needs_mounts
def test_a_load_needs_room_and_nothing_is_started_without_it(tmp_path):
    out, err = start(tmp_path, "demo", "cpu", "--json").communicate(timeout=60)
    needed = f"{2 * L.total_size(L.MIN_RECORDS) // 1000} kB are needed"
    told = f"Error: there is no room for rings in {tmp_path}/threadscope: {needed} and "
    assert err.startswith(told)
    assert err.endswith("; set XDG_RUNTIME_DIR to a folder that has more\n")
    assert (out, err.count("\n")) == ("left:\n", 1)


@pytest.mark.integration
@needs_mounts
def test_a_server_without_room_for_its_ring_serves_and_it_is_said_why_no_more_is_seen(tmp_path):
    port = free_port()
    server = [sys.executable, "-m", "uvicorn", "plain:app", "--port", str(port)]
    process = start(tmp_path, "run", "--no-tui", "-z", "3s", "--", *server)
    assert eventually(lambda: answers(port)) == 200
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("\nleft:\n")
    limited = [line for line in out.splitlines() if "limited: thread" in line]
    assert "there is no room for rings in" in limited[-1]


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/def", timeout=20) as answer:
            return answer.status
    except OSError:
        return None


def test_room_is_looked_for_before_a_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    free = shutil.disk_usage(tmp_path).free
    many = free // L.total_size(L.MIN_RECORDS) + 10_000
    assert no_room(tmp_path) == ""
    assert no_room(tmp_path / "gone", many) == "", "that is another matter"
    with pytest.raises(FolderError, match=r"there is no room for rings in .*: .* kB are needed"):
        new_run(many)
    assert list(tmp_path.glob("threadscope/run-*")) == []


@pytest.mark.integration
def test_a_report_for_which_there_is_no_room(tmp_path):
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    words = ["demo", "cpu", "--json", "-n", "3", "--mode", "def", "--work", WORK]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "threadscope", *words], env=env, stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write to standard output: no space left on device\n"
    assert list(tmp_path.glob("threadscope/*")) == []
    assert eventually(lambda: not family_of(tmp_path))

"""Real processes under the real guard, killed in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from threadscope.targets.errors import TargetError
from threadscope.targets.guard import remove
from threadscope.targets.process import Ended, ServerProcess

pytestmark = pytest.mark.integration

LIMIT_S = 30

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(600)
"""

MONITOR = """
import os, sys, time
from pathlib import Path
from threadscope.targets.process import ServerProcess
server = ServerProcess([sys.executable, "-c", sys.argv[1]], os.environ, Path(sys.argv[2]))
server.start()
while not server.output.lines(1):
    time.sleep(0.01)
print(server._guard.pid, *server.output.lines(1)[0].split()[1:], flush=True)
time.sleep(600)
"""


def python(code: str, **more) -> ServerProcess:
    return ServerProcess([sys.executable, "-c", code], os.environ, **more)


def ended_by(server: ServerProcess) -> Ended:
    return eventually(server.poll)


def eventually(look, limit: float = LIMIT_S):
    """What `look` gives as soon as it gives something."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if result := look():
            return result
        time.sleep(0.01)
    raise AssertionError(f"did not happen in {limit} s")


def gone(pid: int) -> bool:
    """Ended; perhaps a zombie that its new parent has not reaped."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pids_of(server: ServerProcess) -> list[int]:
    [line] = eventually(lambda: server.output.lines(1))
    return [int(pid) for pid in line.split()[1:]]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "ring"
    folder.mkdir(mode=0o700)
    (folder / "1.ring").write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("code", "ended", "sentence"),
    [
        ("raise SystemExit(3)", Ended(status=3), "exited with status 3"),
        ("", Ended(status=0), "exited with status 0"),
        (
            "import os; os.kill(os.getpid(), 9)",
            Ended(signal=9),
            "killed by SIGKILL",
        ),
    ],
)
def test_how_it_ended(code, ended, sentence):
    with python(code) as server:
        assert ended_by(server) == ended
        assert ended.sentence == sentence


def test_the_sentence_of_a_signal_without_a_name():
    assert Ended(signal=99).sentence == "killed by signal 99"


def test_both_outputs_and_the_environment():
    code = (
        "import os, sys\n"
        "print(os.environ['WORD'], flush=True)\n"
        "print(sys.stdin.read() == '', file=sys.stderr)"
    )
    server = ServerProcess([sys.executable, "-c", code], {**os.environ, "WORD": "hello"})
    with server:
        ended_by(server)
        server.stop()
        assert server.output.lines(5) == ("hello", "True")


def test_the_command_has_a_session_of_its_own_and_ignores_no_signal():
    code = """
import os, signal
print(os.getsid(0) == os.getpgid(0) == os.getpid())
print([n for n in (1, 2, 10, 13, 15, 17) if signal.getsignal(n) == signal.SIG_IGN])
print(open("/proc/self/status").read().partition("SigIgn:")[2].split()[0])
"""
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    server = ServerProcess([sys.executable, "-c", code], os.environ)
    with server:
        ended_by(server)
        server.stop()
        session, ignored, mask = server.output.lines(3)
    assert session == "True"
    # SIGPIPE (bit 12) and SIGXFSZ (bit 24) are ignored by the Python that looks
    assert ignored == "[<Signals.SIGPIPE: 13>]" or ignored == "[13]"
    # 32 and 33 belong to the C library, and make hands them down ignored
    assert int(mask, 16) & (1 << 31) - 1 == 1 << 12 | 1 << 24


def test_stop_ends_all_and_twice_does_no_harm(folder):
    server = python(STUBBORN, folder=folder)
    server.start()
    pids = pids_of(server)
    assert server.pid == pids[0]
    assert server.poll() is None
    server.stop()
    assert server.poll() == Ended(signal=signal.SIGKILL)  # it ignores SIGTERM
    assert all(gone(pid) for pid in pids)
    assert not folder.exists()
    server.stop()


def test_a_server_that_leaves_processes_behind():
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("pids", child.pid, flush=True)
"""
    with python(code) as server:
        [child] = pids_of(server)
        assert ended_by(server) == Ended(status=0)
        eventually(lambda: gone(child))


def test_stop_before_start_is_nothing():
    server = python("")
    server.stop()
    assert server.poll() is None
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.pid


@pytest.mark.parametrize("command", ["no-such-command-here", "/", "/etc/passwd"])
def test_a_command_that_cannot_be_started(command, folder):
    server = ServerProcess([command, "x"], os.environ, folder)
    with pytest.raises(TargetError, match=rf"^cannot start {command}: \w.*check its name") as info:
        server.start()
    assert "\n" not in str(info.value)
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_monitor_is_killed_all_is_over_in_four_seconds(number, folder):
    monitor = subprocess.Popen(
        [sys.executable, "-c", MONITOR, STUBBORN, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert monitor.stdout
    pids = [int(pid) for pid in monitor.stdout.readline().split()]
    assert len(pids) == 3
    assert not any(gone(pid) for pid in pids)
    monitor.send_signal(number)
    monitor.wait(LIMIT_S)
    eventually(lambda: all(gone(pid) for pid in pids), limit=4.0)
    assert not folder.exists()
    monitor.stdout.close()


def test_interrupts_at_the_keyboard_do_not_end_the_guard():
    with python("print('pids', flush=True); import time; time.sleep(600)") as server:
        eventually(lambda: server.output.lines(1))
        assert server._guard is not None
        for number in (signal.SIGINT, signal.SIGHUP):
            server._guard.send_signal(number)
        # the guard still reports: so it has outlived both
        os.kill(server.pid, signal.SIGKILL)
        assert ended_by(server) == Ended(signal=signal.SIGKILL)


def test_the_guard_told_to_terminate_ends_the_server(folder):
    server = python("print('pids', flush=True); import time; time.sleep(600)", folder=folder)
    with server:
        eventually(lambda: server.output.lines(1))
        assert server._guard is not None
        server._guard.terminate()
        assert ended_by(server) == Ended(signal=signal.SIGTERM)
        eventually(lambda: not folder.exists())


def test_when_the_guard_is_killed_the_server_ends_too():
    with python(STUBBORN) as server:
        pids = pids_of(server)
        assert server._guard is not None
        server._guard.kill()
        assert ended_by(server) == Ended()
        assert server.poll().sentence == "ended when its guard was killed"
        eventually(lambda: all(gone(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for it")
def test_when_monitor_and_guard_are_killed_together_the_server_ends_too(folder):
    code = "import os, time; print('pids', os.getpid(), flush=True); time.sleep(600)"
    monitor = subprocess.Popen(
        [sys.executable, "-c", MONITOR, code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert monitor.stdout
    guard, server = (int(pid) for pid in monitor.stdout.readline().split())
    os.kill(guard, signal.SIGSTOP)  # so that it can do nothing when the monitor is gone
    monitor.kill()
    monitor.wait(LIMIT_S)
    monitor.stdout.close()
    assert not gone(server)
    os.kill(guard, signal.SIGKILL)
    eventually(lambda: gone(server))


def test_only_a_real_folder_is_removed(tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "keep").write_text("x")
    link = tmp_path / "link"
    link.symlink_to(other)
    remove(str(link))
    remove(str(other / "keep"))
    remove(str(tmp_path / "missing"))
    assert link.is_symlink()
    assert (other / "keep").exists()

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inner").symlink_to(other)
    remove(str(folder))
    assert not folder.exists()
    assert (other / "keep").exists()


def test_the_guard_says_how_it_is_used():
    from threadscope.targets import guard

    done = subprocess.run(
        [sys.executable, "-I", "-S", guard.__file__, "--"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")

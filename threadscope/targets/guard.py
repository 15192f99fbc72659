"""Ends a server when its monitor is gone, however that happened: also by `kill -9`.

    python -I -S guard.py [--remove DIR] -- COMMAND [ARGUMENT...]

A tiny process between the monitor and the command. It reads its standard input, on which nothing
ever comes but the end: the monitor's end. Its standard output tells the monitor one fact a line:

    pid 41213        the command runs, in a session and process group of its own
    fail TEXT        there is no such command, or it may not be run
    exit 1           it ended, with this status
    signal 9         it was ended by this signal

The command's output, both kinds, goes to the guard's standard error, a pipe that the monitor reads.
A monitor that was suspended reads nothing: before the pipe is full, and the command would have to
wait for room, the guard throws the oldest of it away. When the monitor is gone,
when the guard gets SIGTERM, or when the command has ended and left processes behind, the whole
process group is told to terminate and killed 2 s later. DIR is removed at the very end.

Standard library only and few modules: it must be up in some milliseconds, and hold little memory.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import stat
import sys
import termios
import time

GRACE_S = 2.0
"""Between being told to terminate and being killed."""
_LOOK_S = 0.02
_RELIEVE_S = 0.1
"""From one look at the command's output to the next."""
_PART = 4
"""More than a quarter of the pipe, at two looks in a row, nobody reads: half of that is left. Lines
longer than half a page take a page each: a pipe can be full when a good half of its bytes are."""
HANDLED = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD)
"""By handlers that do nothing: a signal that is ignored would be ignored by the command too."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def _prctl(option: int, value: int) -> None:
    """Asks Linux for a favour; elsewhere nothing happens."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
        except (OSError, AttributeError):
            pass


class Relief:
    """Keeps the pipe of the command's output from filling up while nobody reads it.

    It reads by a description of its own, so that it need not wait where the monitor may.
    """

    def __init__(self, pipe: int) -> None:
        self._fd, self._late = -1, False
        if sys.platform == "linux":
            try:
                self._fd = os.open(f"/proc/self/fd/{pipe}", os.O_RDONLY | os.O_NONBLOCK)
            except OSError:  # no pipe of ours, or no descriptor: as without it
                pass

    def look(self) -> None:
        """Throws away the oldest of it, when nobody has read it since the last look."""
        if self._fd < 0:
            return
        try:
            allowed = fcntl.fcntl(self._fd, fcntl.F_GETPIPE_SZ) // _PART
            before, self._late = self._late, (waits := self._waits()) > allowed
            if before and self._late:
                os.read(self._fd, waits - allowed // 2)
        except OSError:  # the monitor has read it meanwhile
            pass

    def close(self) -> None:
        """Lets go of its end."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _waits(self) -> int:
        count = fcntl.ioctl(self._fd, termios.FIONREAD, bytes(4))
        return int.from_bytes(count, sys.byteorder)


class Guard:
    """One command and its process group.

    Args:
        command: program and arguments.
        control: descriptor of the pipe to the monitor.
    """

    def __init__(self, command: list[str], control: int) -> None:
        self.command = command
        self.control = control
        self.pid = 0
        self.ended = False
        self.output = Relief(2)

    def start(self) -> bool:
        """Starts the command and tells the monitor; False when it cannot be started."""
        guard = os.getpid()
        news, failure = os.pipe()  # closed by exec, or filled by what went wrong
        self.pid = os.fork()
        if self.pid == 0:
            self._become_command(guard, failure)
        os.close(failure)
        reason = os.read(news, 4096)
        os.close(news)
        if reason:
            self._say("fail " + reason.decode(errors="replace"))
            return False
        self._say(f"pid {self.pid}")
        return True

    def _become_command(self, guard: int, failure: int) -> None:
        """In the child: never returns."""
        try:
            os.setsid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # should the guard itself be killed
            if os.getppid() != guard:
                os._exit(1)
            # Python ignores SIGPIPE and SIGXFSZ, and what is ignored stays so through exec
            for number in (*HANDLED, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            os.execvp(self.command[0], self.command)
        except OSError as error:
            os.write(failure, (error.strerror or str(error)).encode())
        finally:
            os._exit(127)

    def reap(self) -> None:
        """Collects what ended: the command, and what it left to us; reports the command's end."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.ended = True
                if os.WIFSIGNALED(status):
                    self._say(f"signal {os.WTERMSIG(status)}")
                else:
                    self._say(f"exit {os.WEXITSTATUS(status)}")

    def end_group(self) -> None:
        """Terminates the process group, and kills it when it is still there 2 s later."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._signal_group(number)
            end = time.monotonic() + GRACE_S
            while self._signal_group(0) and time.monotonic() < end:
                time.sleep(_LOOK_S)
                self.output.look()
                self.reap()
            self.reap()

    def _signal_group(self, number: int) -> bool:
        """False when nobody is left."""
        try:
            os.killpg(self.pid, number)
        except OSError:  # nobody, or only processes of other users
            return False
        return True

    def _say(self, line: str) -> None:
        try:
            os.write(self.control, line.encode(errors="replace") + b"\n")
        except OSError:  # the monitor is gone
            pass


def remove(folder: str) -> None:
    """Removes a folder of ours; never a link, never anybody else's."""
    import shutil  # late: it is slow to import

    try:
        info = os.lstat(folder)
    except OSError:
        return
    if stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid():
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Runs the guard to its end."""
    folder = ""
    if arguments[:1] == ["--remove"]:
        folder, arguments = arguments[1], arguments[2:]
    if arguments[:1] != ["--"] or not arguments[1:]:
        sys.stderr.write("usage: guard.py [--remove DIR] -- COMMAND [ARGUMENT...]\n")
        return 2

    guard = Guard(arguments[1:], os.dup(1))
    try:
        _watch(guard)
    finally:
        if folder:
            remove(folder)
    return 0


def _watch(guard: Guard) -> None:
    """Runs the command until it ends, or until the monitor is gone."""
    wake, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled)
    asked: list[int] = []
    for number in HANDLED:
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what the command leaves behind comes to us
    if not guard.start():
        return
    while not guard.ended and not asked:
        ready, _, _ = select.select([0, wake], [], [], _RELIEVE_S)
        guard.output.look()
        if 0 in ready and not os.read(0, 4096):
            break
        if wake in ready:
            os.read(wake, 4096)
        guard.reap()
    guard.end_group()
    guard.output.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

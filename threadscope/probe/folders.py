"""Where rings live: the user's private folder on tmpfs. Standard library only, as all of the probe.

The monitor and `python -m threadscope.probe` must agree on it.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile


def base_path() -> str:
    """The user's folder for all observations, which need not exist."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _is_mine(runtime):
        return os.path.join(runtime, "threadscope")
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
    return os.path.join(parent, "threadscope-%d" % os.getuid())


def _is_mine(folder: str) -> bool:
    """Whether nobody else can put, or replace, something in a folder.

    It may be another user's, as with `sudo -E`, or a group's.
    """
    try:
        status = os.stat(folder)
    except OSError:
        return False
    shared = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
    return status.st_uid == os.getuid() and not shared and os.access(folder, os.W_OK)


def make_base() -> str:
    """The same, made when it is missing.

    Raises:
        OSError: it cannot be made.
        ValueError: it is not private; the message names it.
    """
    path = base_path()
    os.close(_open_base(path))
    return path


def _open_base(path: str) -> int:
    """A descriptor of the folder: what is looked at is what is used."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    refusal = "%s is not a private folder of yours: remove it" % path
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.EACCES):
            raise
        raise ValueError(refusal) from None
    status = os.fstat(fd)
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        os.close(fd)
        raise ValueError(refusal)
    return fd


def birth(pid: int) -> int:
    """When a process began, in clock ticks since the machine did; 0 where it cannot be known."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def new_run(pid: int) -> str:
    """A folder that is kept as long as a process lives.

    Args:
        pid: of the process.

    Raises:
        OSError: it cannot be made.
        ValueError: see `make_base`.
    """
    path = base_path()
    fd = _open_base(path)
    try:
        name = "run-%d-%d-%s" % (pid, birth(pid), os.urandom(4).hex())
        os.mkdir(name, 0o700, dir_fd=fd)  # not where a link leads that came in between
    finally:
        os.close(fd)
    return os.path.join(path, name)


def with_probe(environment: dict[str, str], folder: str) -> dict[str, str]:
    """An environment in which a Python process comes up with the probe.

    Args:
        environment: what it would have without us.
        folder: where its ring goes.
    """
    startup = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")
    path = environment.get("PYTHONPATH")
    return {
        **environment,
        "THREADSCOPE_DIR": folder,
        "PYTHONPATH": startup + os.pathsep + path if path else startup,
    }

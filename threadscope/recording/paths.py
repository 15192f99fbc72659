"""The files that are written: opened so that nothing else is emptied by mistake or by a trick."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from threadscope.recording.errors import RecordingError

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # not on Windows
_NEW = os.O_CREAT | os.O_CLOEXEC | _NO_LINK
_LOOKED_AT = 400
"""Bytes that say of what kind a file is."""


def open_empty(path: Path, mode: int, kind: str, is_one: Callable[[bytes], bool]) -> int:
    """A descriptor of an empty file: a new one, or an older one of the same kind, emptied.

    It is looked at and emptied by one descriptor, and no symbolic link is followed: what somebody
    puts under the name in between stays as it is.

    Args:
        path: of the file.
        mode: of a new one.
        kind: what it is to be, in a word.
        is_one: whether a file that begins so is of that kind.

    Raises:
        RecordingError: it cannot be written, is a link, is something else, or another one of us
            writes it.
    """
    try:
        fd = os.open(path, os.O_RDWR | _NEW, mode)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        found = os.fstat(fd).st_mode
        if not stat.S_ISREG(found) and not stat.S_ISCHR(found):  # /dev/null will do
            raise RecordingError(f"cannot write {path}: it is not a file")
        if stat.S_ISREG(found):
            start = os.pread(fd, _LOOKED_AT, 0)
            if start and not is_one(start):
                raise RecordingError(f"{path} exists and is no {kind}: choose another name")
            if not _ours_alone(fd):
                raise RecordingError(
                    f"{path} is being written by another threadscope: choose another name"
                )
            os.ftruncate(fd, 0)
    except OSError as error:
        os.close(fd)
        raise _cannot_write(path, error) from error
    except RecordingError:
        os.close(fd)
        raise
    return fd


def take_away(path: Path, fd: int) -> None:
    """Removes an open file in which nothing came to be written: no device, and no other file."""
    with contextlib.suppress(OSError):
        ours = os.fstat(fd)
        if stat.S_ISREG(ours.st_mode) and os.path.samestat(ours, os.lstat(path)):
            path.unlink()


def _ours_alone(fd: int) -> bool:
    """Locks a file for as long as it is open; whether nobody else has."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no file system with locks
        pass
    return True


def write_whole(path: Path, content: str | bytes, *, links: bool = False) -> None:
    """Writes a file, which is replaced if it is there: by all of it, or not at all.

    Args:
        path: of the file.
        content: what it will hold.
        links: whether it may be a symbolic link; then the file is replaced that it leads to.

    Raises:
        RecordingError: it cannot be written.
    """
    path = Path(os.path.realpath(path)) if links else path
    data = content.encode() if isinstance(content, str) else content
    try:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            mode = None
        if mode is None or stat.S_ISREG(mode):
            _replace(path, data, mode)
        else:  # a terminal, /dev/null, or a link, which is not opened
            _write(os.open(path, os.O_WRONLY | os.O_CLOEXEC | _NO_LINK), data)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _replace(path: Path, data: bytes, mode: int | None) -> None:
    aside = path.with_name(f".{path.name[:100]}.{os.getpid()}")
    try:
        fd = os.open(aside, os.O_WRONLY | os.O_EXCL | _NEW, 0o666)
    except PermissionError:  # of the folder: the file alone may be ours to write
        _write(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | _NO_LINK), data)
        return
    try:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(fd, stat.S_IMODE(mode))
        _write(fd, data)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _write(fd: int, data: bytes) -> None:
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def check_writable(path: Path, *, links: bool = False) -> None:
    """Before something long begins; leaves the file as it is.

    Args:
        path: of the file, which need not exist.
        links: whether it may be a symbolic link.

    Raises:
        RecordingError: it cannot be written.
    """
    try:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_EXCL | _NEW, 0o666)
        except FileExistsError:
            follow = 0 if links else _NO_LINK
            os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC | follow))
        else:
            os.close(fd)
            path.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> RecordingError:
    linked = error.errno == errno.ELOOP
    why = "it is a symbolic link: name the file itself" if linked else error.strerror
    return RecordingError(f"cannot write {path}: {why}")

"""The files that are written: opened so that nothing else is emptied by mistake or by a trick."""

from __future__ import annotations

import errno
import os
import stat
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
        RecordingError: it cannot be written, is a link, or is something else.
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
            os.ftruncate(fd, 0)
    except OSError as error:
        os.close(fd)
        raise _cannot_write(path, error) from error
    except RecordingError:
        os.close(fd)
        raise
    return fd


def write_new(path: Path, text: str) -> None:
    """Writes a text into a file that is overwritten if it is there, but not through a link.

    Raises:
        RecordingError: it cannot be written.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | _NEW, 0o666)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _cannot_write(path, error) from error


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

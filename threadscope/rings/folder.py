"""Where rings live: a private folder on tmpfs, a folder in it for each observation."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

from threadscope.probe import folders
from threadscope.probe import layout as L


class FolderError(Exception):
    """The folder for the rings cannot be used; the message says why and what to do."""


def base_folder() -> Path:
    """The user's folder for all observations, made when it is missing.

    Raises:
        FolderError: somebody else owns it, or it cannot be made.
    """
    try:
        return Path(folders.make_base())
    except OSError as error:
        where = folders.base_path()
        raise FolderError(f"cannot make {where}: {error.strerror}; set XDG_RUNTIME_DIR") from error
    except ValueError as error:
        raise FolderError(str(error)) from error


def no_room(folder: Path, rings: int = 1) -> str:
    """Why so many rings, the smallest that there are, cannot be made there; "" when they can."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # it is gone: that is another matter
        return ""
    needed = rings * L.total_size(L.MIN_RECORDS)
    if free >= needed:
        return ""
    sizes = f"{needed // 1000} kB are needed and {free // 1000} kB free"
    return (
        f"there is no room for rings in {folder}: {sizes}; set XDG_RUNTIME_DIR to a folder that"
        " has more"
    )


def new_run(rings: int = 0) -> Path:
    """A folder for one observation; what killed observations left is swept before.

    Args:
        rings: how many must have room in it.

    Raises:
        FolderError: no folder can be made, or has no room.
    """
    base = base_folder()
    sweep(base)
    if trouble := no_room(base, rings):
        raise FolderError(trouble)
    try:
        return Path(folders.new_run(os.getpid()))
    except OSError as error:
        raise FolderError(f"cannot make a folder in {base}: {error.strerror}") from error
    except ValueError as error:
        raise FolderError(str(error)) from error


def sweep(base: Path) -> list[Path]:
    """Removes the folders whose observer and whose servers are all gone; which ones."""
    gone = [path for path in base.glob("run-*") if path.is_dir() and not _in_use(path)]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return gone


def _in_use(path: Path) -> bool:
    """Whether the observer or a writer of a ring lives; unknown names are left alone."""
    names = [path.name, *(ring.name for ring in path.glob("*.ring"))]
    return any(_alive(name) for name in names)


def _alive(name: str) -> bool:
    """`run-PID-BIRTH-xxxx` and `server-PID-TICKS.ring`: the same process, not a later one."""
    try:
        pid, birth = (int(part) for part in name.removesuffix(".ring").split("-")[1:3])
        psutil.Process(pid)
    except ValueError:
        return True
    except psutil.Error:
        return False
    return abs(folders.birth(pid) - birth) <= 1 or not birth


def probe_environment(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """An environment in which a Python process comes up with the probe.

    Args:
        folder: where its ring goes.
        environment: what it would have without us.
    """
    return folders.with_probe(environment, str(folder))

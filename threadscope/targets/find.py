"""Finds servers that run: by process, by port, or all of this machine's Python servers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from threadscope.probe.folders import base_path, birth

from . import inspection
from .errors import TargetError
from .sockets import Listener, all_listeners, inodes, listeners
from .tree import family


class Found(NamedTuple):
    """A Python server."""

    pid: int
    """Of its supervisor, where it has one."""
    listeners: tuple[Listener, ...]
    command: str
    probed: bool
    """Whether it has a probe."""


def resolve(text: str) -> int:
    """The process that `4321` or `:8000` stands for.

    Raises:
        TargetError: there is none, or it is not for us.
    """
    if text.startswith(":"):
        return _on_port(text)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 22:
        raise TargetError(
            f"{text!r} is no process and no port: say `threadscope attach 4321` or :8000"
        )
    pid = int(text)
    inspection.check_exists(pid)
    return pid


def _on_port(text: str) -> int:
    number = text[1:]
    if not number.isascii() or not number.isdigit() or not 0 < int(number) < 65_536:
        raise TargetError(f"{text!r} is no port: say :8000, a number from 1 to 65535")
    wanted = {one.inode for one in all_listeners(os.getpid()) if one.port == int(number)}
    if not wanted:
        raise TargetError(
            f"nobody listens on port {number} here: `threadscope attach` lists the servers"
            " that it finds"
        )
    for pid in _pids():
        if wanted & inodes(pid):
            return inspection.supervisor(pid)
    raise TargetError(
        f"whoever listens on port {number} belongs to another user, or runs in a container:"
        " run threadscope as that user, as root, or in there"
    )


def servers() -> list[Found]:
    """The Python processes that listen, each with its workers counted as one."""
    listening = {one.inode for one in all_listeners(os.getpid())}
    found: dict[int, Found] = {}
    for pid in _pids():
        if pid == os.getpid() or not inodes(pid) & listening or not inspection.is_python(pid):
            continue
        top = inspection.supervisor(pid)
        if top not in found:
            pids = family(top)
            heard = tuple(listeners(pids))
            probed = bool(rings_of(pids))
            found[top] = Found(top, heard, inspection.command(top), probed)
    return list(found.values())


def rings_of(pids: Iterable[int]) -> list[Path]:
    """The rings of living processes, wherever they are."""
    wanted = {f"server-{pid}-{birth(pid)}.ring" for pid in pids}
    folders = {Path(base_path(), name) for name in _names(base_path())}
    folders |= {Path(x) for pid in pids if (x := _told(pid))}
    found = (folder / name for folder in folders for name in wanted)
    return sorted(path for path in found if os.path.exists(path))  # whatever a folder is called


def _told(pid: int) -> str:
    """The folder that a process was started with."""
    return inspection.environment(pid).get("THREADSCOPE_DIR", "")


def _names(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.startswith("run-")]
    except OSError:
        return []


def _pids() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())

"""The processes of a server: the one that was started, and all that it started."""

from __future__ import annotations

import os

import psutil


def family(pid: int) -> tuple[int, ...]:
    """A process and its descendants, parents first; empty when it is gone."""
    if not os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"):
        return _by_psutil(pid)  # another system, or a kernel without CONFIG_PROC_CHILDREN
    found: list[int] = [pid] if os.path.exists(f"/proc/{pid}") else []
    for parent in found:  # grows meanwhile
        found.extend(child for child in _children(parent) if child not in found)
    return tuple(found)


def without_us(pids: tuple[int, ...]) -> tuple[int, ...]:
    """A server may have started us: we and what we started are no part of it."""
    ours = family(os.getpid())
    return tuple(pid for pid in pids if pid not in ours)


def _children(pid: int) -> list[int]:
    """Each thread of a process has its own list."""
    out: list[int] = []
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/children", "rb") as file:
                out.extend(int(child) for child in file.read().split())
    except OSError:  # it, or the thread, ended just now
        pass
    return out


def _by_psutil(pid: int) -> tuple[int, ...]:
    try:
        process = psutil.Process(pid)
        return (pid, *(child.pid for child in process.children(recursive=True)))
    except psutil.Error:
        return ()

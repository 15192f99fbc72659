"""The processes of a server: the one that was started, and all that it started."""

from __future__ import annotations

import os

import psutil

MANY = 100
"""Threads of a process: so many lists of children take two milliseconds."""


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
    """Each thread of a process has its own list; where they are many, all processes are fewer."""
    out: list[int] = []
    try:
        tids = os.listdir(f"/proc/{pid}/task")
        if len(tids) > MANY and len(tids) > len(others := _processes()):
            return [other for other in others if _parent(other) == pid]
        for tid in tids:
            with open(f"/proc/{pid}/task/{tid}/children", "rb") as file:
                out.extend(int(child) for child in file.read().split())
    except OSError:  # it, or the thread, ended just now
        pass
    return out


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _parent(pid: int) -> int:
    """Who started a process; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b") ")[2].split(b" ", 2)[1])
    except OSError:
        return 0


def _by_psutil(pid: int) -> tuple[int, ...]:
    try:
        process = psutil.Process(pid)
        return (pid, *(child.pid for child in process.children(recursive=True)))
    except psutil.Error:
        return ()

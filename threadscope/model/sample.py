"""What the kernel says of a process and its threads at one moment."""

from __future__ import annotations

from typing import NamedTuple

from threadscope.model.snapshot import Role


class ThreadSample(NamedTuple):
    """One thread. Clocks count from the thread's birth."""

    tid: int
    born: int
    """`starttime` of /proc/PID/task/TID/stat, clock ticks since boot: (tid, born) is unique."""
    name: str
    """The kernel's name, at most 15 bytes."""
    state: str
    """Up to half a second old, like `processor`, where a thread has run all the time."""
    processor: int | None
    cpu_ns: int
    wait_ns: int | None
    """Ready to run, without a core; None where the kernel does not count it."""
    voluntary: int | None
    involuntary: int | None
    """Context switches that were none of its own; read once a second, and until then new ones
    count as voluntary. Both together are as new as the rest."""


class ProcessSample(NamedTuple):
    """One process with all its threads."""

    pid: int
    t: int
    """Monotonic ns."""
    cpu_ns: int
    """The process's own clock: threads that ended are in it."""
    threads: tuple[ThreadSample, ...]


class Stack(NamedTuple):
    """Where a thread of a process without a probe was found."""

    tid: int
    name: str
    """Python's name of it."""
    role: Role | None
    """As far as its stack or its name tells."""
    where: str
    """`cpu.py:14 in burn()`: in the app's own code if it is there, else where it runs; "" idle."""
    holds_gil: bool

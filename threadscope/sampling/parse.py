"""The text of /proc/PID/task/TID files, taken apart. Pure functions; bytes in, numbers out."""

from __future__ import annotations

import os
from typing import NamedTuple

from threadscope.model.text import clean

NS_PER_TICK = 1_000_000_000 // (os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100)


class Stat(NamedTuple):
    """What `stat` says of a thread (or of a process)."""

    name: str
    state: str
    ticks: int
    """User and system time, clock ticks."""
    born: int
    """Clock ticks since boot."""
    processor: int


class Switches(NamedTuple):
    """Context switches since the thread's birth."""

    voluntary: int
    involuntary: int


def split_stat(data: bytes) -> int:
    """Where the name ends: the last `)`, as a name may hold spaces, parentheses and newlines.

    Raises:
        ValueError: there is none.
    """
    return data.rindex(b")")


def stat_name(data: bytes, end: int) -> str:
    """The name between the first `(` and `end`, harmless for a terminal.

    At most 15 bytes, which a thread may choose: any encoding or none, control characters too.
    """
    return clean(data[data.index(b"(") + 1 : end].decode(errors="replace"))


def stat_fields(data: bytes, end: int) -> list[bytes]:
    """Fields 3 (state) to 39 (processor) of `stat`, then the rest in one piece."""
    return data[end + 2 :].split(b" ", 37)


def stat_processor(data: bytes, end: int) -> int:
    """Field 39 of `stat`, without taking all of them apart.

    Args:
        data: the file.
        end: where the name ends.

    Raises:
        ValueError: there are too few fields.
    """
    pieces = data.count(b" ", end) - 36  # it, and each behind it
    if pieces < 1:
        raise ValueError("stat has too few fields")
    return int(data.rsplit(b" ", pieces)[1])


def parse_stat(data: bytes) -> Stat:
    """All of a `stat` file that matters here.

    Raises:
        ValueError: it is not one.
    """
    end = split_stat(data)
    fields = stat_fields(data, end)
    if len(fields) < 37:
        raise ValueError("stat has too few fields")
    return Stat(
        stat_name(data, end),
        fields[0].decode("ascii"),
        int(fields[11]) + int(fields[12]),
        int(fields[19]),
        int(fields[36]),
    )


def parse_schedstat(data: bytes) -> tuple[int, int, int]:
    """Nanoseconds on a core, nanoseconds ready to run without one, and how often it got one.

    Raises:
        ValueError: it is not a `schedstat` file.
    """
    on_cpu, waiting, slices = data.split()
    return int(on_cpu), int(waiting), int(slices)


def parse_switches(data: bytes) -> Switches:
    """The context switches in a `status` file: its last lines.

    Raises:
        ValueError: they are missing, as in kernels built without task accounting.
    """
    _, mark, rest = data.rpartition(b"\nvoluntary_ctxt_switches:")
    voluntary, other, involuntary = rest.partition(b"\nnonvoluntary_ctxt_switches:")
    if not mark or not other:
        raise ValueError("status has no context switches")
    return Switches(int(voluntary), int(involuntary.split(b"\n", 1)[0]))

"""Whether the process that writes a ring still runs."""

from __future__ import annotations

from pathlib import Path


def lives(pid: int, start: int) -> bool:
    """Whether a process runs: not a later one with its number, and not one that waits to be reaped.

    Args:
        pid: its number here. In another namespace it has another one: who was never seen to live
            cannot be said to have ended.
        start: when it began, in clock ticks since boot.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:  # no descriptor left to look with
        return True
    return len(fields) > 19 and int(fields[19]) == start and fields[0] not in (b"Z", b"X")

"""How the panels share the height of the screen."""

from __future__ import annotations

from typing import NamedTuple

MIN_WIDTH, MIN_HEIGHT = 60, 15
"""Below this there is nothing worth drawing."""
WIDE = 100
"""From this many columns on nothing is abbreviated."""
ROOMY = 30
"""From this many lines on the panels stand apart, with a line between."""

LEAST_LOG = 3
"""Lines of the log where threads and lanes want more than there is."""


class Heights(NamedTuple):
    """Lines of each panel, the blank line above it included."""

    threads: int
    lanes: int
    requests: int
    verdict: int
    gap: int
    """Blank lines above a panel: 0 or 1."""
    tall: bool
    """Two lines a lane."""


def notice_room(height: int) -> int:
    """How many lines of warnings there may be."""
    return max(1, (height - 10) // 4)


def share(
    height: int,
    notices: int,
    threads: int,
    lanes: int,
    queues: int = 1,
    headings: int = 0,
    findings: int = 0,
) -> Heights:
    """Share out the screen: threads and lanes get what they need, the log what is left.

    When they need too much, the lanes come first, then the threads; both fold what has no line.

    Args:
        height: lines of the whole screen.
        notices: lines of warnings below the status bar.
        threads: threads that want a row.
        lanes: threads that want a lane.
        queues: lines for those who wait.
        headings: processes, each of which wants a line above its threads and its lanes.
        findings: lines of findings, below the verdict.
    """
    roomy = height >= ROOMY
    gap = int(roomy)
    verdict = gap + (2 if height >= 20 else 1)
    body = height - 2 - notices - verdict - findings - 1 - 3 * gap
    log = max(3, min(9, body // 4)) if height >= 20 else 2
    room = body - log
    head = 2 if roomy else 1  # the title, and the axis of time
    want_threads = threads + headings + 2  # the columns' names and the sum
    want_lanes = head + queues + max(1, lanes) + headings
    tall = roomy and want_threads + want_lanes + lanes <= room
    if tall:
        want_lanes += lanes
    if want_threads + want_lanes > room:
        room = max(room, body - LEAST_LOG)
        floor = min(want_threads, max(4, room * 2 // 5))
        want_lanes = min(want_lanes, room - floor)
        want_threads = min(want_threads, room - want_lanes)
    return Heights(
        want_threads + gap,
        want_lanes + gap,
        body - want_threads - want_lanes + gap,
        verdict,
        gap,
        tall,
    )

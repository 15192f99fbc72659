from __future__ import annotations

from itertools import pairwise

from threadscope.model.cpu_clock import LITTLE_NS, CpuClock
from threadscope.model.windows import SECOND

TENTH = SECOND // 10


def points(*readings):
    clock = CpuClock()
    for n, ns in enumerate(readings):
        clock.read(n * TENTH, ns)
    return [(point.t // TENTH, point.cpu_ns) for chunk in clock.chunks() for point in chunk]


def test_a_clock_that_runs_has_a_point_for_each_reading():
    assert points(0, 10 * LITTLE_NS, 30 * LITTLE_NS) == [
        (0, 0),
        (1, 10 * LITTLE_NS),
        (2, 30 * LITTLE_NS),
    ]


def test_one_that_stands_has_two():
    assert points(*[7] * 600) == [(0, 7), (1, 7)]


def test_it_stands_until_it_was_last_seen_to():
    moved = 50 * LITTLE_NS
    assert points(0, 0, 0, 0, 0, moved) == [(0, 0), (1, 0), (4, 0), (5, moved)]


def test_a_little_adds_up():
    # a thread that wakes up now and then: 0.02 ms in each tenth of a second
    readings = [n * LITTLE_NS // 50 for n in range(2000)]
    found = points(*readings)
    assert len(found) < 150
    assert readings[-1] - found[-1][1] < LITTLE_NS
    assert all(b[1] - a[1] < 2 * LITTLE_NS for a, b in pairwise(found))

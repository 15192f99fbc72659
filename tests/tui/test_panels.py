from __future__ import annotations

import pytest

from tests import factories as f
from tests.factories import MS, S
from threadscope.report import units
from threadscope.tui.lanes import LanesPanel
from threadscope.tui.notices import NoticesPanel
from threadscope.tui.requests import RequestsPanel
from threadscope.tui.status import StatusBar
from threadscope.tui.threads import ThreadsPanel
from threadscope.tui.verdict import VerdictPanel

STATES = (
    f.cpu_async, f.cpu_def, f.native, f.pool, f.hello, f.dead, f.no_probe, f.touring, f.toured,
)  # fmt: skip
PANELS = (StatusBar, NoticesPanel, ThreadsPanel, LanesPanel, RequestsPanel, VerdictPanel)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 50)])
@pytest.mark.parametrize("panel", PANELS)
def test_every_line_is_as_wide_as_the_screen(panel, size, state):
    width, height = size
    strips = panel().draw(state(), width, height)
    assert {strip.cell_length for strip in strips} <= {width}
    assert len(strips) <= height


def test_durations_have_three_digits_and_a_unit():
    shown = [units.duration(ns) for ns in (None, 400, 85_000, 400_000, 9_960_000, 302 * MS)]
    assert shown == ["-", "0 µs", "85 µs", "0.4 ms", "10 ms", "302 ms"]
    assert [units.duration(ns) for ns in (999_600_000, 1_210 * MS, 120 * S)] == [
        "1.00 s", "1.21 s", "120 s",
    ]  # fmt: skip
    assert [units.rate(x) for x in (None, 3.34, 31.5, 5012.4)] == ["-", "3.3", "32", "5,012"]
    assert units.cpu_time(23.914) == "0:23.91"
    assert units.cpu_time(59.999) == "1:00.00"
    assert [units.elapsed(t * S) for t in (24, 3599, 3661)] == ["00:24", "59:59", "1:01:01"]

"""What the screen says of a time in which nobody looked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import factories as f
from tests.factories import BASE, MS, S
from tests.tui.driving import Probe, drive, has, text
from threadscope.model.snapshot import Gap
from threadscope.tui import lanes_math as lm
from threadscope.tui.lanes import LanesPanel
from threadscope.tui.notices import NoticesPanel
from threadscope.tui.split import SplitPanel

AT = BASE + 24 * S
GAPS = (Gap(AT - 5 * S, AT - 2 * S),)
VIEW = lm.window(AT, 6 * S, 60)._replace(gaps=GAPS)


def marks(cells: list[lm.LaneCell]) -> str:
    return "".join("?" if c.request == lm.UNSEEN else "#" if c.request else "." for c in cells)


def test_cells_within_a_gap_are_unseen():
    idle = f.lane("worker-01", at=AT, share=lambda t: 0.9)
    cells = lm.lane_cells(idle, VIEW)
    assert marks(cells) == "." * 9 + "?" * 30 + "." * 21
    assert not any(cell.height or cell.held for cell in cells[9:39])


def test_a_request_that_was_written_down_meanwhile_is_shown():
    lane = f.lane("worker-01", [f.span(AT - 4 * S, AT - 3 * S, 7)], at=AT)
    assert marks(lm.lane_cells(lane, VIEW)) == "." * 9 + "?" * 10 + "#" * 10 + "?" * 10 + "." * 21


@pytest.mark.parametrize("gap", [
    Gap(AT - 99 * S, AT - 50 * S), Gap(AT + S, AT + 9 * S), Gap(AT - 3020 * MS, AT - 3010 * MS),
])  # fmt: skip
def test_a_gap_out_of_sight_changes_nothing(gap):
    assert lm.unseen(VIEW._replace(gaps=(gap,))) == []


def test_one_that_is_longer_than_the_lanes_covers_them():
    view = VIEW._replace(gaps=(Gap(AT - 99 * S, AT + S),))
    assert lm.unseen(view) == list(range(60))


@pytest.mark.parametrize("panel", [LanesPanel, SplitPanel])
def test_lanes_are_blank_there(panel):
    def drawn(snapshot) -> list[str]:
        lines = text(panel(), snapshot, height=16)
        return [line for line in lines if line.startswith(" worker-01")]

    [whole], [gappy] = drawn(f.cpu_async()), drawn(replace(f.cpu_async(), gaps=GAPS))
    assert "·" * 90 in whole
    assert "·" + " " * 40 in gappy
    assert "·····" in gappy


def test_it_is_said_above():
    assert text(NoticesPanel(), f.cpu_async()) == []
    (said,) = text(NoticesPanel(), replace(f.cpu_async(), gaps=GAPS))
    assert said.startswith(" ▲ no data for 3 s until ")
    assert said.endswith(": threadscope did not run")


def test_ctrl_z_is_a_key_and_harmless_where_nothing_can_be_suspended():
    async def steps(probe: Probe) -> None:
        await probe.press("ctrl+z", "?", "ctrl+z")
        assert has(probe.screen(), "^Z  stop in the background")

    drive(steps, f.cpu_async(), size=(120, 50))

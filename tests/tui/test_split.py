"""The split picture, and which variant is the one before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import factories as f
from tests.factories import S
from tests.tui.driving import Probe, drive, has
from threadscope.model.history import History
from threadscope.model.snapshot import DepthPoint, PhaseState
from threadscope.tui.lanes import LanesPanel
from threadscope.tui.split import SplitPanel


def text(panel, snapshot, width: int = 120, height: int = 30) -> list[str]:
    return [strip.text.rstrip() for strip in panel.draw(snapshot, width, height)]


def split(before, snapshot, **size) -> list[str]:
    panel = SplitPanel()
    panel.before = before
    return text(panel, snapshot, **size)


def test_the_variant_before_is_frozen_above_the_present_one():
    lines = split(f.cpu_async(), f.cpu_def())
    heads = [line for line in lines if " async def /cpu" in line or " def /cpu/def" in line]
    assert [("frozen" in line, "live" in line) for line in heads] == [(True, False), (False, True)]
    assert "SEQUENTIAL" in heads[0]
    assert "CONCURRENT" in heads[1]
    for head in heads:
        for name in ("req/s 3.3", "max ", "cores used 1.0"):
            assert name in head
    assert sum("event loop" in line for line in lines) == 2
    assert sum("worker-04" in line for line in lines) == 1


def test_both_have_one_scale_of_time():
    lines = split(f.cpu_async(), f.cpu_def())
    assert lines[-1].split() == ["╵-6", "s", "╵-5", "s", "╵-4", "s", "╵-3", "s", "╵-2", "s",
                                 "╵-1", "s", "now╵"]  # fmt: skip
    queues = [line for line in lines if line.startswith(" queued")]
    assert len(queues) == 2
    panel = SplitPanel()
    panel.before, panel.seconds = f.cpu_async(), 30
    assert "last 30 s" in text(panel, f.cpu_def())[1]


@pytest.mark.parametrize("size", [(60, 11), (80, 17), (120, 29), (200, 43)])
@pytest.mark.parametrize(
    ("before", "now"),
    [(f.cpu_async, f.cpu_def), (f.pool, f.pool), (f.pool, f.cpu_async), (f.cpu_async, f.pool),
     (f.two_workers, f.two_workers), (f.no_probe, f.no_probe)],
)  # fmt: skip
def test_it_fits_and_nobody_is_left_out_silently(before, now, size):
    width, height = size
    panel = SplitPanel()
    panel.before = before()
    strips = panel.draw(now(), width, height)
    assert len(strips) <= height
    assert {strip.cell_length for strip in strips} == {width}
    if f.pool in (before, now) and height > 11:
        assert any(" more  " in strip.text for strip in strips)


def test_without_a_variant_before_it_says_so():
    lines = split(None, f.cpu_async())
    assert has(lines, "no other variant was seen yet")
    assert has(lines, "event loop")


def test_light_requests_and_tokens_stand_in_the_head():
    from threadscope.model.snapshot import BesideNow, Latency

    light = (BesideNow("/pool/quick", Latency(40, p50=494 * f.MS)),)
    lines = split(replace(f.pool(), beside=light), f.pool(), width=140)
    assert "quick p50 494 ms" in lines[2]
    assert "pool 40/40 +80 wait" in lines[2]


def test_who_waits_for_a_token_has_a_line_for_a_minute():
    snapshot = f.pool()
    at = snapshot.at
    busy = replace(snapshot, token_queue=((DepthPoint(at - 2 * S, 80),),))
    assert any(line.startswith(" no token") and line.endswith("80 waiting")
               for line in text(LanesPanel(), busy))  # fmt: skip
    old = replace(snapshot, token_queue=((DepthPoint(at - 61 * S, 80), DepthPoint(at, 0)),))
    for calm in (snapshot, old):
        assert not has(text(LanesPanel(), calm), "no token")


def measured(snapshot):
    return replace(snapshot, phase=replace(snapshot.phase, state=PhaseState.MEASURE))


def test_the_variant_before_is_the_last_picture_of_its_measurement():
    history = History()
    first, last, other = (
        measured(f.cpu_async(24 * S)), measured(f.cpu_async(25 * S)), measured(f.cpu_def(28 * S)),
    )  # fmt: skip
    drain = replace(last, at=last.at + S, phase=replace(last.phase, state=PhaseState.DRAIN))
    settle = replace(other, phase=replace(other.phase, state=PhaseState.SETTLE))
    for snapshot in (first, last, drain, settle):
        history.add(snapshot)
        assert history.before(history.latest) is None
    history.add(other)
    assert history.before(history.latest) is last
    history.add(measured(f.cpu_async(30 * S)))
    assert history.before(history.latest) is other


def test_v_shows_it_at_any_time_and_the_overview_again():
    async def steps(probe: Probe) -> None:
        await probe.press("v")
        assert has(probe.screen(), "no other variant was seen yet")
        await probe.show(measured(f.cpu_def(28 * S)))
        assert has(probe.screen(), "frozen")
        assert not has(probe.screen(), "Requests")
        await probe.press("z")
        assert has(probe.screen(), "last 3 s")
        await probe.press("v")
        assert has(probe.screen(), "Requests")
        assert not has(probe.screen(), "frozen")

    drive(steps, measured(f.cpu_async(24 * S)))


def test_a_tour_leaves_it_below_the_card():
    async def steps(probe: Probe) -> None:
        await probe.show(f.touring(25 * S))
        await probe.show(f.toured(26 * S))
        assert has(probe.screen(), "What the tour saw")
        await probe.press("escape")
        assert probe.app.main.view == "split"
        assert has(probe.screen(), "frozen")

    drive(steps, measured(f.cpu_async(20 * S)))

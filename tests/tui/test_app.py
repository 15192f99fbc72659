from __future__ import annotations

import pytest

from tests import factories as f
from tests.factories import S
from tests.tui.driving import Probe, drive, has
from threadscope.model.history import History
from threadscope.model.snapshot import Snapshot
from threadscope.tui.modals import Overlay


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 50)])
@pytest.mark.parametrize("state", [f.cpu_async, f.cpu_def, f.pool, f.hello, f.dead, f.no_probe])
def test_every_panel_is_on_the_screen(state, size):
    async def steps(probe: Probe) -> None:
        lines = probe.screen()
        assert len(lines) == size[1]
        assert has(lines[:1], state().target.title)
        for part in ("TID", "Lanes", "Requests", state().behaviour.word.upper(), "quit"):
            assert has(lines, part)
        assert "quit" in lines[-1]

    drive(steps, state(), size)


def test_nothing_yet():
    async def steps(probe: Probe) -> None:
        await probe.press("space", "left", "z", "s", "H", "m")
        assert not probe.app.paused
        await probe.show(f.cpu_async())
        assert has(probe.screen(), "event loop")

    drive(steps)


def test_the_same_snapshot_is_not_kept_twice():
    async def steps(probe: Probe) -> None:
        probe.app.tick()
        assert len(probe.app.history) == 1

    drive(steps, f.cpu_async())


def test_pausing_keeps_collecting_and_steps_back_and_forth():
    async def steps(probe: Probe) -> None:
        shots = [f.cpu_async(t * S) for t in (25, 26, 27)]
        await probe.press("space")
        assert "resume" in probe.screen()[-1]
        for shot in shots:
            await probe.show(shot)
        assert probe.app.shown.at == f.BASE + 24 * S
        assert has(probe.screen()[:1], "PAUSED  3.00 s ago")
        await probe.press("right", "right")
        assert probe.app.shown is shots[1]
        assert has(probe.screen()[:1], "PAUSED  1.00 s ago")
        await probe.press("left")
        assert probe.app.shown is shots[0]
        await probe.press("right", "right", "right")
        assert probe.app.shown is shots[2]
        await probe.press("left", "space")
        assert probe.app.shown is shots[2]
        assert not has(probe.screen(), "PAUSED")

    drive(steps, f.cpu_async(24 * S))


def test_history_is_a_minute_long():
    history = History()
    for t in range(1, 200):
        history.add(Snapshot(at=t * S))
    assert len(history) == 61
    assert history.step(history.latest, -99).at == 139 * S
    assert history.step(Snapshot(at=5 * S), 0).at == 139 * S


def test_filter_is_typed_kept_and_cleared():
    async def steps(probe: Probe) -> None:
        await probe.press("slash", *"q04")
        assert probe.app.main.filter.value == "q04"
        assert has(probe.screen(), "nothing matches")
        await probe.press("backspace", "backspace", "backspace", *"worker-04", "enter")
        lines = probe.screen()
        assert has(lines, "only worker-04")
        assert not has([line for line in lines if "▶" in line], "worker-01")
        assert "quit" in lines[-1]
        await probe.press("escape")
        assert not has(probe.screen(), "only worker-04")

    drive(steps, f.cpu_def())


def test_the_servers_output_is_inert_and_follows():
    async def steps(probe: Probe) -> None:
        await probe.press("4")
        lines = probe.screen()
        assert has(lines, "Server's output")
        assert has(lines, "MemoryError [bold]not markup[/bold] no colour")
        assert not has(lines, "Lanes")
        await probe.press("space", "left")
        assert has(probe.screen(), "PAUSED")
        await probe.press("1")
        assert has(probe.screen(), "Lanes")

    drive(steps, f.dead())


def test_the_charts_are_a_view_of_their_own():
    async def steps(probe: Probe) -> None:
        await probe.press("5")
        assert has(probe.screen(), "Latency")
        assert not has(probe.screen(), "Lanes")
        await probe.press("1")
        assert has(probe.screen(), "Lanes")
        assert not has(probe.screen(), "Latency")

    drive(steps, f.cpu_async())


def test_long_output_shows_its_end_until_one_scrolls_up():
    def talk(t: int, lines: int) -> Snapshot:
        return f.replace(f.cpu_async(t * S), output=tuple(f"line {i}." for i in range(lines)))

    async def steps(probe: Probe) -> None:
        await probe.press("4")
        assert has(probe.screen(), "line 99.")
        await probe.show(talk(25, 120))
        assert has(probe.screen(), "line 119.")
        await probe.press("pageup")
        await probe.show(talk(26, 140))
        assert not has(probe.screen(), "line 139.")

    drive(steps, talk(24, 100))


def test_the_screen_stays_when_the_server_ends():
    async def steps(probe: Probe) -> None:
        assert not has(probe.screen(), "SERVER ENDED")
        await probe.show(f.dead(25 * S))
        assert has(probe.screen(), "SERVER ENDED   exited with status 1")
        assert has(probe.screen(), "Lanes")

    drive(steps, f.cpu_async())


def test_a_tour_leaves_a_card_and_goes_on_beneath():
    async def steps(probe: Probe) -> None:
        await probe.show(f.touring(25 * S))
        assert not isinstance(probe.app.screen, Overlay)
        await probe.show(f.toured(26 * S))
        assert has(probe.screen(), "What the tour saw")
        await probe.show(f.toured(27 * S))
        assert probe.app.shown.at == f.BASE + 27 * S
        assert has(probe.screen(), "What the tour saw")
        await probe.press("escape")
        assert not has(probe.screen(), "What the tour saw")
        await probe.show(f.toured(28 * S))
        assert not has(probe.screen(), "What the tour saw")

    drive(steps, f.touring())


def test_a_terminal_that_is_too_small_says_so_and_recovers():
    async def steps(probe: Probe) -> None:
        assert has(probe.screen(), "This terminal is too small")
        assert not has(probe.screen(), "Lanes")
        await probe.pilot.resize_terminal(80, 24)
        await probe.pilot.pause()
        assert has(probe.screen(), "Lanes")

    drive(steps, f.cpu_async(), size=(59, 14))


def test_more_threads_get_more_room():
    async def steps(probe: Probe) -> None:
        before = probe.app.main.lanes.size.height
        await probe.show(f.pool(25 * S))
        assert probe.app.main.lanes.size.height > before
        assert has(probe.screen(), "more workers: ")

    drive(steps, f.cpu_async(), size=(80, 24))


def test_without_colour_the_lanes_still_tell(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(probe: Probe) -> None:
        assert probe.app.no_color
        lines = probe.screen()
        assert has(lines, "#")
        assert has(lines, "░" * 8)
        assert has(lines, "80 waiting")

    drive(steps, f.pool())

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.events import Key as KeyPress
from textual.pilot import Pilot

from tests import factories as f
from tests.factories import S
from threadscope.model.history import History
from threadscope.model.snapshot import Snapshot, Variant
from threadscope.tui import keys
from threadscope.tui.app import ThreadscopeApp
from threadscope.tui.keys import KEYS
from threadscope.tui.modals import Overlay


class Shelf:
    """A source that gives what one puts there."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.snapshot = snapshot

    def latest(self) -> Snapshot | None:
        return self.snapshot


class Notebook:
    """Controls that write down what was asked for."""

    variants: tuple[Variant, ...] = (f.ASYNC, f.DEF)
    broken = ""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def show_variant(self, key: str) -> None:
        self.asked.append(("variant", key))

    def tour(self) -> None:
        self.asked.append(("tour",))

    def change_clients(self, by: int) -> None:
        self.asked.append(("clients", by))

    def change_rate(self, up: bool) -> None:
        self.asked.append(("rate", up))

    def toggle_load(self) -> None:
        self.asked.append(("load",))


class Probe:
    """A running app, its source and its controls."""

    def __init__(self, pilot: Pilot, shelf: Shelf, notebook: Notebook | None) -> None:
        self.pilot, self.shelf, self.notebook = pilot, shelf, notebook
        self.app: ThreadscopeApp = pilot.app  # type: ignore[assignment]  # run_test of this app

    async def show(self, snapshot: Snapshot) -> None:
        self.shelf.snapshot = snapshot
        self.app.tick()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def screen(self) -> list[str]:
        """What is on the terminal now."""
        lines = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in line).rstrip() for line in lines]


def drive(
    steps: Callable[[Probe], Awaitable[None]],
    first: Snapshot | None = None,
    size: tuple[int, int] = (120, 36),
    steered: bool = True,
) -> None:
    async def run() -> None:
        shelf, notebook = Shelf(first), Notebook() if steered else None
        app = ThreadscopeApp(shelf, notebook, fps=0.001)  # the tests tick
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            probe = Probe(pilot, shelf, notebook)
            if first is not None:
                app.tick()
                await pilot.pause()
            await steps(probe)

    asyncio.run(run())


def has(lines: list[str], text: str) -> bool:
    return any(text in line for line in lines)


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


def test_zoom_sort_and_idle():
    async def steps(probe: Probe) -> None:
        await probe.press("z")
        assert has(probe.screen(), "last 3 s")
        await probe.press("Z", "Z")
        assert has(probe.screen(), "last 15 s")
        await probe.press("s")
        assert has(probe.screen(), "▼%CPU")
        await probe.press("S")
        assert has(probe.screen(), "▲%CPU")
        rows = len(probe.app.main.threads._strips)
        await probe.press("H")
        assert has(probe.screen(), "idle hidden")
        assert len(probe.app.main.threads._strips) == rows - 1

    drive(steps, f.cpu_async())


def test_keys_steer_the_load():
    async def steps(probe: Probe) -> None:
        await probe.press("a", "d", "m", "t", "[", "]", "{", "}", "l")
        assert probe.notebook.asked == [
            ("variant", "async"), ("variant", "def"), ("variant", "def"), ("tour",),
            ("clients", -1), ("clients", 1), ("rate", False), ("rate", True), ("load",),
        ]  # fmt: skip

    drive(steps, f.cpu_async())


def test_without_controls_the_keys_are_not_offered_and_say_why_they_do_nothing():
    async def steps(probe: Probe) -> None:
        assert "tour" not in probe.screen()[-1]
        for key in "amt[]{}l":
            await probe.press(key)
            assert probe.screen()[-1] == " there is no load to steer here"
            probe.app.main.keys.say("")
        await probe.press("?")
        assert has(probe.screen(), "m a d t [ ] { } l: there is no load to steer here")

    drive(steps, f.cpu_async(), steered=False)


def test_after_the_servers_end_the_keys_say_so():
    async def steps(probe: Probe) -> None:
        assert "tour" in probe.screen()[-1]
        probe.notebook.broken = "the server was killed by SIGKILL"
        await probe.show(f.dead(25 * S))
        assert "tour" not in probe.screen()[-1]
        assert "quit" in probe.screen()[-1]
        await probe.press("a", "]")
        assert probe.screen()[-1] == " the server was killed by SIGKILL: nothing to steer any more"
        assert probe.notebook.asked == []
        probe.app.main.keys.say("")
        await probe.pilot.pause()
        assert "quit" in probe.screen()[-1]

    drive(steps, f.cpu_async())


def test_a_variant_that_there_is_not():
    async def steps(probe: Probe) -> None:
        probe.notebook.variants = ()
        await probe.press("d")
        assert probe.screen()[-1] == " this server has no variants to choose from"
        assert probe.notebook.asked == []

    drive(steps, f.cpu_async())


@pytest.mark.parametrize("close", ["escape", "enter", "space", "question_mark"])
def test_help_lists_every_key_until_it_is_closed(close):
    async def steps(probe: Probe) -> None:
        await probe.press("?")
        lines = probe.screen()
        for key in KEYS:
            if key.help and key.action not in keys.REPLAYING | keys.FILMING:
                assert has(lines, f"{key.pair or key.display}  {key.help}")
        assert has(lines, "esc closes this")
        await probe.press("a", "z")  # keys of the screen below
        assert isinstance(probe.app.screen, Overlay)
        assert probe.notebook.asked == []
        await probe.press(close)
        assert not isinstance(probe.app.screen, Overlay)
        assert not probe.app.paused
        assert not probe.app._exit

    drive(steps, f.cpu_async(), size=(80, 36))


@pytest.mark.parametrize("close", ["escape", "enter", "space", "question_mark"])
def test_keys_that_come_faster_than_the_help_close_it_all_the_same(close):
    async def steps(probe: Probe) -> None:
        for key in ("question_mark", close):  # as a terminal gives them: one right behind the other
            probe.app.post_message(KeyPress(key, None))
        await probe.pilot.pause()
        assert not isinstance(probe.app.screen, Overlay)
        assert not probe.app.paused

    drive(steps, f.cpu_async())


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
def test_how_to_close_it_is_seen_on_the_smallest_screen(size):
    async def steps(probe: Probe) -> None:
        await probe.press("?")
        assert has(probe.screen(), "Keys   esc closes this")
        if size[1] < sum(bool(key.help) for key in KEYS) + 4:  # title, gap and frame
            assert not has(probe.screen(), "this list")
            await probe.press(*["down"] * len(KEYS))
            assert has(probe.screen(), "this list")
        await probe.press("escape")
        await probe.show(f.toured(26 * S))
        assert has(probe.screen(), "esc closes this")

    drive(steps, f.touring(), size=size)


def test_every_key_has_an_action():
    for key in KEYS:
        name = key.action.partition("(")[0]
        assert hasattr(ThreadscopeApp, f"action_{name}")
    assert "3" not in {key.keys for key in KEYS}


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


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
@pytest.mark.parametrize("before", [[], ["?"], ["4"]])
def test_quit(key, before):
    async def steps(probe: Probe) -> None:
        await probe.pilot.press(*before, key)
        assert probe.app._exit

    drive(steps, f.cpu_async())


def test_quit_from_the_card():
    async def steps(probe: Probe) -> None:
        await probe.show(f.toured(26 * S))
        await probe.pilot.press("q")
        assert probe.app._exit

    drive(steps, f.touring())


def test_without_colour_the_lanes_still_tell(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(probe: Probe) -> None:
        assert probe.app.no_color
        lines = probe.screen()
        assert has(lines, "#")
        assert has(lines, "░" * 8)
        assert has(lines, "80 waiting")

    drive(steps, f.pool())

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests import factories as f
from tests.factories import S
from tests.tui.driving import Shelf, has
from threadscope.model.history import History
from threadscope.model.snapshot import Behaviour, Word
from threadscope.tui.app import ThreadscopeApp
from threadscope.tui.goto import seconds_of


class Player:
    """A saved session of a minute whose clock only moves by hand."""

    def __init__(self) -> None:
        self.history, self.speed, self.playing, self.asked = History(None), 1.0, True, []
        for i in range(60):
            word = Word.SEQUENTIAL if i < 20 else Word.CONCURRENT
            self.history.add(replace(f.cpu_async((24 + i) * S), behaviour=Behaviour(word, "so")))
        self.now = self.history.first.at
        self.length_ns = self.history.latest.at - self.history.first.started

    def latest(self):
        return self.history.at(self.now)

    def pause(self) -> None:
        self.playing = False

    def play_from(self, t) -> None:
        self.playing, self.now = True, t

    def change_speed(self, by) -> None:
        self.speed *= 2.0**by


def drive(steps) -> None:
    async def run() -> None:
        player = Player()
        app = ThreadscopeApp(player, None, fps=0.001, player=player)
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause()
            app.tick()
            await pilot.pause()

            async def press(*keys):
                await pilot.press(*keys)
                await pilot.pause()

            await steps(app, player, press)

    asyncio.run(run())


def lines(app) -> list[str]:
    rows = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in row).rstrip() for row in rows]


def second(app) -> int:
    return (app.shown.at - f.BASE) // S


def test_a_replay_pauses_steps_and_goes_on_from_there():
    async def steps(app, player, press) -> None:
        assert has(lines(app)[:1], "REPLAY 1x  00:24 of 01:23")
        await press("space")
        assert not player.playing
        await press("right", "right", "right", "left")
        assert second(app) == 26
        assert has(lines(app)[:1], "PAUSED  00:26 of 01:23")
        await press("space")
        assert (player.playing, player.now) == (True, f.BASE + 26 * S)

    drive(steps)


def test_arrows_skip_while_it_plays():
    async def steps(app, player, press) -> None:
        await press("right", "right")
        assert (second(app), player.now) == (34, f.BASE + 34 * S)
        await press("left")
        assert second(app) == 29

    drive(steps)


@pytest.mark.parametrize("paused", [True, False])
def test_n_goes_to_where_the_word_changes(paused):
    async def steps(app, player, press) -> None:
        if paused:
            await press("space")
        await press("n")
        assert second(app) == 44
        assert app.shown.behaviour.word is Word.CONCURRENT
        assert player.playing is not paused
        await press("n")
        assert second(app) == 44
        await press("right", "N")
        assert second(app) == 44

    drive(steps)


def test_speed_and_a_time_to_go_to():
    async def steps(app, player, press) -> None:
        await press("greater_than_sign", "greater_than_sign")
        assert has(lines(app)[:1], "REPLAY 4x")
        await press("less_than_sign")
        assert has(lines(app)[:1], "REPLAY 2x")
        await press("g", "4", "0", "enter")
        assert second(app) == 40
        await press("space", "g", *"1:10", "enter")
        assert second(app) == 70
        await press("g", "escape")
        assert second(app) == 70
        await press("g", "x", "enter")
        assert second(app) == 70

    drive(steps)


def test_the_keys_of_a_replay_are_in_its_help_and_nowhere_else():
    async def steps(app, player, press) -> None:
        await press("?")
        assert has(lines(app), "replay slower, faster")
        assert not has(lines(app), "one client less")

    drive(steps)

    async def live() -> None:
        app = ThreadscopeApp(Shelf(f.cpu_async()), None, fps=0.001)
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause()
            await pilot.press("greater_than_sign", "g", "?")
            await pilot.pause()
            assert not has(lines(app), "replay slower")

    asyncio.run(live())


def test_live_n_goes_through_the_last_minute():
    async def run() -> None:
        shelf = Shelf(f.cpu_async(24 * S))
        app = ThreadscopeApp(shelf, None, fps=0.001)
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause()
            for t, state in ((25, f.cpu_async), (26, f.cpu_def), (27, f.cpu_def)):
                shelf.snapshot = state(t * S)
                app.tick()
            await pilot.press("n")
            assert second(app) == 27
            await pilot.press("space", "N")
            assert second(app) == 26
            shelf.snapshot = f.cpu_async(28 * S)
            app.tick()
            assert second(app) == 26
            await pilot.press("n")
            assert second(app) == 28

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("83", 83), (" 1:23 ", 83), ("1:02:03", 3723), ("0.5", 0.5), ("", None), ("x", None),
     ("-1", None), ("1:2:3:4", None)],
)  # fmt: skip
def test_times(text, seconds):
    assert seconds_of(text) == seconds

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.events import Key as KeyPress

from tests import factories as f
from tests.factories import S
from tests.tui.driving import Probe, drive, has
from threadscope.model.snapshot import Variant
from threadscope.tui import keys
from threadscope.tui.app import ThreadscopeApp
from threadscope.tui.keys import KEYS
from threadscope.tui.modals import Overlay


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


def test_a_variant_that_this_demo_has_not():
    async def steps(probe: Probe) -> None:
        probe.notebook.variants = (Variant("await", ""), Variant("mistake", ""))
        await probe.press("a")
        assert probe.screen()[-1] == (
            " there is no `async` among its variants: m goes through them"
        )
        assert probe.notebook.asked == []
        await probe.press("m")
        assert probe.notebook.asked == [("variant", "await")]

    drive(steps, f.cpu_async())


def test_bursts_have_the_size_that_they_have():
    async def steps(probe: Probe) -> None:
        assert "clients" in probe.screen()[-1]
        assert "rate" in probe.screen()[-1]
        burst = f.pool(25 * S)
        await probe.show(replace(burst, phase=replace(burst.phase, burst=120)))
        assert "[ ] clients" not in probe.screen()[-1]
        assert "{ } rate" not in probe.screen()[-1]
        for key in "[]{}":
            await probe.press(key)
            assert probe.screen()[-1].startswith(" the load comes in bursts: their sizes")
            probe.app.main.keys.say("")
        assert probe.notebook.asked == []
        await probe.press("?")
        assert has(probe.screen(), "[ ] { }: the load comes in bursts")
        await probe.press("escape", "l", "t")
        assert probe.notebook.asked == [("load",), ("tour",)]
        await probe.show(f.cpu_async(26 * S))
        await probe.press("]")
        assert probe.notebook.asked[-1] == ("clients", 1)

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


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 50)])
def test_how_to_close_it_is_seen_on_the_smallest_screen(size):
    async def steps(probe: Probe) -> None:
        await probe.press("?")
        assert has(probe.screen(), "Keys   esc closes this")
        if size[1] < sum(bool(key.help) for key in KEYS) + 4:  # title, gap and frame
            assert not has(probe.screen(), "this list")
            assert has(probe.screen(), "esc closes this   ↓ shows more")
            await probe.press("end")
            assert has(probe.screen(), "this list")
            await probe.press("home")
            assert has(probe.screen(), "Keys   esc closes this")
            await probe.press(*["pagedown"] * 4, "down", "up", "pageup", "pagedown")
            assert has(probe.screen(), "this list")
        else:
            assert not has(probe.screen(), "shows more")
        await probe.press("escape")
        await probe.show(f.toured(26 * S))
        assert has(probe.screen(), "esc closes this")

    drive(steps, f.touring(), size=size)


def test_every_key_has_an_action():
    for key in KEYS:
        name = key.action.partition("(")[0]
        assert hasattr(ThreadscopeApp, f"action_{name}")
    assert "3" not in {key.keys for key in KEYS}


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

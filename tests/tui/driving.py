"""Runs the real app on a terminal in memory: its keys are pressed, its screen is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from tests import factories as f
from threadscope.model.snapshot import Snapshot, Variant
from threadscope.tui.app import ThreadscopeApp


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


def text(panel, snapshot: Snapshot, width: int = 120, height: int = 12) -> list[str]:
    """What one panel draws."""
    return [strip.text.rstrip() for strip in panel.draw(snapshot, width, height)]

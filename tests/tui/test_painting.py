from __future__ import annotations

import asyncio
import gc

import pytest
from rich.segment import Segment
from textual.app import App
from textual.geometry import Region

from threadscope.tui.line import Line
from threadscope.tui.panel import Lines, Painted


class Board(Lines):
    """Lines that a test puts."""

    lines: tuple[str, ...] = ("one", "two", "three")

    def redraw(self) -> None:
        width = self.size.width
        self.put([Line().add(line).strip(width) for line in self.lines] if width else [])


class Boards(App[None]):
    """An app with one of them."""

    def compose(self):
        yield Board(id="board")


@pytest.mark.parametrize("colour", [True, False])
def test_only_lines_that_changed_are_painted_again(monkeypatch, colour):
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")

    async def steps() -> None:
        app = Boards()
        async with app.run_test(size=(30, 5)) as pilot:
            board = app.query_one(Board)
            before = board.render_lines(Region(0, 0, 30, 5))
            assert [strip.text.rstrip() for strip in before] == ["one", "two", "three", "", ""]
            board.lines = ("one", "2")
            board.redraw()
            after = board.render_lines(Region(0, 0, 30, 5))
            assert after[0] is before[0]
            assert [strip.text.rstrip() for strip in after] == ["one", "2", "", "", ""]
            assert [s.text for s in board.render_lines(Region(1, 0, 2, 2))] == ["ne", "  "]
            colours = {style.bgcolor.triplet for strip in after for _, style, _ in strip}
            assert len(colours) == 1, "all on one ground"
            (ground,) = colours
            assert (len(set(ground)) == 1) is not colour, "grey where colours are not wanted"
            await pilot.resize_terminal(20, 4)
            assert board.render_line(1).cell_length == 20

    asyncio.run(steps())


def test_a_line_that_is_left_whole_is_no_garbage_in_a_cycle():
    gc.collect()
    gc.disable()
    try:
        line = Painted([Segment("abc")], 3)
        assert line.divide([3]) == [line]
        assert [piece.text for piece in line.divide([1, 3])] == ["a", "bc"]
        del line
        assert gc.collect() == 0
    finally:
        gc.enable()

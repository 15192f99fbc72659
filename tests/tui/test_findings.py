"""Findings below the word, the routes of view 2, and what enter opens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import factories as f
from tests.factories import MS, S
from tests.tui.driving import drive, has
from threadscope.model.snapshot import Finding, Latency, Level, RouteSummary, SlowRequest
from threadscope.tui.app import ThreadscopeApp
from threadscope.tui.findings import FindingsPanel, explanation_lines
from threadscope.tui.modals import Overlay
from threadscope.tui.routes import RoutesPanel, slow_lines

AT = f.cpu_async().at
BLOCKED = Finding(
    "loop-blocked", Level.WARNING,
    "`async def cpu_async` (GET /cpu/async/{client}) held the event loop for 302 ms at cpu.py:31"
    " in burn(); 3 requests waited",
    "12 steps held the event loop for 100 ms or more", 12, {"longest_ms": 302.0}, AT - 12 * S,
)  # fmt: skip
FAILING = Finding("errors", Level.ERROR, "7 of 90 requests failed", "7 failed", 7, {}, AT - S)
STARVED = Finding("core-starved", Level.INFO, "no core for 31%", "1 thread", 1, {}, AT - 3 * S)
DROPPED = Finding("events-dropped", Level.INFO, "3 events were lost", "3 lost", 3, {}, AT - S)
TEXTS = {
    "loop-blocked": "**What it means.** One request `computed`.\n\n- first\n  part\n- second",
    "errors": "**What it means.** Requests fail.",
    "core-starved": "**What it means.** No core.",
}


def with_findings(*findings, **more):
    return replace(f.cpu_async(), findings=findings, **more)


def route(path="/slow", *, held=302, kind="async def", failed=0, slow=()):
    endpoint = f.CPU_ASYNC._replace(route=path, kind=kind, name=path.strip("/"))
    latency = Latency(16, *[held * MS] * 3, None, None, None, held * MS)
    return RouteSummary(
        endpoint, 16, 16, failed, latency, held * MS, 16 * held * MS, 0.96, Latency(),
        300.0 * MS, latency, per_second=3.3, holds=16, single=16, waited=3, slow=slow,
    )  # fmt: skip


SLOW = SlowRequest(AT - S, 80, 200, 900 * MS, 302 * MS, 0, 0, 302 * MS, 0)
ROUTES = (route(slow=(SLOW,)), route("/health", held=1), route("/d", held=0, kind="def", failed=2))


def text(panel, snapshot, width=120, height=20):
    return [strip.text.rstrip() for strip in panel.draw(snapshot, width, height)]


def panel(height=36):
    one = FindingsPanel()
    one.screen_height = height
    return one


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 50)])
def test_lines_are_as_wide_as_the_screen(size):
    snapshot = with_findings(BLOCKED, STARVED, routes=ROUTES)
    for one in (panel(size[1]), RoutesPanel()):
        assert {strip.cell_length for strip in one.draw(snapshot, *size)} == {size[0]}


def test_the_worst_three_each_with_its_mark_and_age():
    lines = text(panel(30), with_findings(FAILING, BLOCKED, STARVED, DROPPED), 200)
    assert [line.split()[:3] for line in lines] == [
        ["▸", "✖", "errors"], ["▲", "loop-blocked", "`async"], ["•", "core-starved", "no"],
    ]  # fmt: skip
    assert [line.split()[-1] for line in lines] == ["00:01", "00:12", "00:03"]


def test_a_small_screen_shows_one_in_one_line():
    (line,) = text(panel(20), with_findings(FAILING, BLOCKED), 60)
    assert "errors" in line


def test_a_long_sentence_takes_two_lines_where_there_is_room():
    first, second = text(panel(40), with_findings(BLOCKED), 100)
    assert "cpu_async" in first
    assert second.strip().endswith("3 requests waited")


def test_hostile_text_is_harmless():
    bad = replace(BLOCKED, message="\x1b[31m[bold]red\x1b[0m")
    assert "[bold]red" in text(panel(), with_findings(bad))[0]


def test_an_explanation_is_wrapped_plain_and_keeps_its_lists():
    lines = [
        "".join(t for t, _ in line)
        for line in explanation_lines(BLOCKED, TEXTS["loop-blocked"], 40)
    ]
    assert max(map(len, lines)) <= 40
    assert lines[-5:] == ["What it means.", "One request computed.", "", "- first part", "- second"]


def test_arrows_choose_and_enter_explains():
    async def steps(probe):
        app = probe.app
        app._explain = TEXTS.__getitem__
        assert has(probe.screen(), "loop-blocked")
        await probe.press("down", "enter")
        assert isinstance(app.screen, Overlay)
        lines = probe.screen()
        assert has(lines, "no core for 31%")
        assert has(lines, "No core.")

    drive(steps, with_findings(BLOCKED, STARVED))


def test_enter_without_a_finding_or_an_explanation_does_nothing():
    async def steps(probe):
        await probe.press("enter", "up", "down")
        assert not isinstance(probe.app.screen, Overlay)
        await probe.show(with_findings(BLOCKED))
        await probe.press("enter")
        assert not isinstance(probe.app.screen, Overlay)

    drive(steps, f.cpu_async())


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_the_screen_keeps_its_panels_with_three_findings(size):
    async def steps(probe):
        lines = probe.screen()
        assert len(lines) == size[1]
        for part in ("TID", "Lanes", "Requests", "SEQUENTIAL", "loop-blocked", "quit"):
            assert has(lines, part)
        assert "quit" in lines[-1]

    drive(steps, with_findings(FAILING, BLOCKED, STARVED), size)


class TestRoutes:
    def test_a_row_a_route_with_its_numbers(self):
        _, title, names, *rows = text(RoutesPanel(), with_findings(routes=ROUTES))
        assert "the last 5 s" in title
        assert "▼TOTAL" in names
        assert rows[0].split()[:10] == [
            "▸", "async", "GET", "/slow", "3.3", "302", "ms", "302", "ms", "0",
        ]  # fmt: skip
        assert "96.0" in rows[0]

    def test_sort_reverse_and_filter(self):
        one, snapshot = RoutesPanel(), with_findings(routes=ROUTES)

        def order():
            return [row.endpoint.route for row in one.rows(snapshot)]

        assert order() == ["/slow", "/health", "/d"]
        one.reverse()
        assert order() == ["/d", "/health", "/slow"]
        one.reverse()
        while one.sorted_by != "ERR":
            one.next_sort()
        assert order()[0] == "/d"
        one.filter = "HEAL"
        assert order() == ["/health"]
        one.filter = "nothing"
        assert "nothing matches" in text(one, snapshot)[-1]

    def test_view_2_arrows_and_enter(self):
        async def steps(probe):
            await probe.press("2")
            lines = probe.screen()
            assert has(lines, "HOP WAIT")
            assert not has(lines, "Lanes")
            await probe.press("enter")
            assert has(probe.screen(), "queued 900 ms, on the event loop 302 ms")
            await probe.press("escape")
            await probe.press("down", "down", "down")
            assert probe.app.main.routes.chosen(probe.app.shown).endpoint.route == "/d"
            await probe.press("S")
            assert probe.app.main.routes.rows(probe.app.shown)[0].endpoint.route == "/d"
            await probe.press("1")
            assert has(probe.screen(), "Lanes")

        drive(steps, with_findings(routes=ROUTES))

    def test_nothing_ended_yet(self):
        assert "no request ended yet" in text(RoutesPanel(), with_findings())[-1]
        assert isinstance(ThreadscopeApp, type)

    def test_a_request_whose_time_nobody_knows_has_a_line_too(self):
        odd = SLOW._replace(queued=None, here=0, on_loop=0)
        lines = ["".join(t for t, _ in line) for line in slow_lines(route(slow=(odd,)), AT)]
        assert any("#80" in line for line in lines)

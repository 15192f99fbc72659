from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual.app import App
from textual.geometry import Region

from tests import factories as f
from tests.factories import MS, S
from threadscope.model.behaviour import Evidence, behaviour
from threadscope.model.snapshot import Endpoint, Event, LogLine, TargetInfo, Word
from threadscope.report import units
from threadscope.tui.lanes import LanesPanel, lane_pieces
from threadscope.tui.lanes_math import MANY, LaneCell
from threadscope.tui.line import Line, fit, item, keep, meter, spark
from threadscope.tui.notices import NoticesPanel, notice_lines
from threadscope.tui.palette import request_styles
from threadscope.tui.panel import Lines
from threadscope.tui.requests import RequestsPanel
from threadscope.tui.rows import short_label
from threadscope.tui.sharing import share
from threadscope.tui.status import StatusBar, phase_text
from threadscope.tui.threads import ThreadsPanel
from threadscope.tui.verdict import VerdictPanel

STATES = (
    f.cpu_async, f.cpu_def, f.native, f.pool, f.hello, f.dead, f.no_probe, f.touring, f.toured,
)  # fmt: skip
NAMES = ["Threads", "TID", "THREAD", "S", "P", "%CPU", "WAIT%", "SW/s", "TIME+", "HOPS", "NOW"]
PANELS = (StatusBar, NoticesPanel, ThreadsPanel, LanesPanel, RequestsPanel, VerdictPanel)


def text(panel, snapshot, width: int = 120, height: int = 12) -> list[str]:
    return [strip.text.rstrip() for strip in panel.draw(snapshot, width, height)]


def lane(cells: list[LaneCell], **how) -> str:
    return "".join(ch for ch, _ in lane_pieces(cells, **how))


def block(request: int, height: int, width: int, boundary: bool = False) -> list[LaneCell]:
    first = LaneCell(height, request, boundary, bool(request))
    return [first, *[first._replace(boundary=False)] * (width - 1)]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 50)])
@pytest.mark.parametrize("panel", PANELS)
def test_every_line_is_as_wide_as_the_screen(panel, size, state):
    width, height = size
    strips = panel().draw(state(), width, height)
    assert {strip.cell_length for strip in strips} <= {width}
    assert len(strips) <= height


class TestLanes:
    def test_a_full_lane_is_blocks_with_the_number_and_a_gap(self):
        cells = block(76, 8, 11) + block(77, 8, 11, boundary=True)
        assert lane(cells) == "███ 76 ███▊" + "███ 77 ████"

    def test_a_low_lane_has_its_number_at_the_start(self):
        cells = block(84, 2, 8) + block(85, 2, 8, boundary=True)
        assert lane(cells) == "#84 ▂▂▂ " + "#85 ▂▂▂▂"

    def test_held_without_cpu_is_a_shade(self):
        assert lane(block(5, 0, 6)) == "#5 ░░░"

    def test_idle_is_dots_and_unclaimed_cpu_blocks(self):
        assert lane(block(0, 0, 3) + block(0, 4, 2)) == "···▄▄"

    def test_many_short_requests_have_no_number(self):
        assert lane(block(MANY, 8, 6)) == "██████"

    def test_no_number_where_there_is_no_room(self):
        assert lane(block(1234, 8, 3) + block(1235, 2, 4, boundary=True)) == "██▊▂▂▂▂"

    def test_narrow_requests_touch(self):
        assert lane(block(1, 8, 2) + block(2, 8, 2, boundary=True)) == "1█2█"

    def test_two_lines_carry_the_number_above(self):
        cells = block(84, 4, 6)
        assert lane(cells, upper=True) == "#84   "
        assert lane(cells, lower=True) == "▄▄▄▄▄▄"
        full = block(84, 16, 8)
        assert lane(full, upper=True) == "██ 84 ██"
        assert lane(full, lower=True) == "████████"

    def test_a_request_that_only_passes_the_loop_has_no_shade(self):
        waits = block(0, 0, 2) + block(7, 0, 1) + block(0, 0, 2)
        assert lane(waits, loop=True) == "·····"
        assert lane(waits, upper=True, loop=True) == "     "
        assert lane(waits) == "··░··"
        assert lane(block(7, 2, 2), loop=True) == "▂▂"
        assert lane(block(7, 0, 6), loop=True) == "#7 ░░░"  # it holds the loop, asleep
        assert lane(block(7, 8, 2), loop=True) == " 7"[1:] + "█"

    def test_neighbours_differ_in_colour(self):
        assert all(request_styles(n) is not request_styles(n + k) for n in range(9) for k in (1, 7))

    def test_async_is_one_full_lane_and_def_four_low_ones(self):
        one, four = text(LanesPanel(), f.cpu_async()), text(LanesPanel(), f.cpu_def())
        assert one[1].startswith(" queued      ▃▃▃") or "▃▃▃" in one[1]
        assert one[1].endswith("3 waiting")
        assert one[2].startswith(" event loop")
        assert "█ 7" in one[2] or "█76" in one[2]
        assert set(one[3][12:100].strip()) == {"·"}
        assert four[1].endswith("0 waiting")
        for line in four[3:7]:
            assert "█" not in line
            assert "▂" in line or "▃" in line or "▁" in line
            assert "#" in line

    def test_a_sleeping_pool_is_shades_and_a_fold(self):
        lines = text(LanesPanel(), f.pool(), height=8)
        assert lines[1].endswith("80 waiting")
        assert "█" * 80 in lines[1]
        assert all("░" * 10 in line for line in lines[3:7])
        assert lines[7].startswith(" 36 more    ░░░░░░")
        assert lines[7].endswith("0.0 %")

    def test_those_without_a_lane_are_one_lane_together(self):
        lines = text(LanesPanel(), f.cpu_def(workers=8), height=6)
        assert lines[5].startswith(" 6 more")
        assert lines[5].endswith("141.0 %"), "of one core, in sum"
        assert set(lines[5].split()[2]) == {"▇", "█"}, "about a whole core, or more"

    def test_without_a_probe_there_is_no_queue(self):
        lines = text(LanesPanel(), f.no_probe())
        assert not any("queued" in line for line in lines)

    def test_several_processes_are_told_apart(self):
        snapshot = f.two_workers()
        lines = text(LanesPanel(), snapshot, height=20)
        heads = [line for line in lines if line.startswith(" ▾ ")]
        assert [line.split()[1:3] for line in heads] == [
            ["worker", f"{f.PID + 1}"],
            ["worker", f"{f.PID + 2}"],
        ]
        assert lines.index(heads[0]) + 1 == lines.index(heads[1]) - 1, "a lane between them"

    def test_without_room_for_headings_the_names_say_the_process(self):
        lines = text(LanesPanel(), f.two_workers(), height=5)
        assert not any(line.startswith(" ▾ ") for line in lines)
        assert any(line.startswith(f" {f.PID + 1} loop") for line in lines)

    def test_zoom_stays_in_its_range(self):
        panel = LanesPanel()
        for by, end in ((-1, 1.5), (1, 60)):
            for _ in range(9):
                panel.zoom(by)
            assert panel.seconds == end
            assert text(panel, f.cpu_async())[0].endswith(f"last {end:g} s")


class TestThreads:
    def test_the_event_loop_is_first_and_the_sum_last(self):
        lines = text(ThreadsPanel(), f.cpu_async())
        assert lines[0].split() == NAMES
        assert lines[1].split()[:6] == ["41213", "event", "loop", "R", "1", "99.8"]
        assert "#77 GET /cpu/async/{client}" in lines[1]
        assert lines[-1].startswith("           all  2 threads")
        assert lines[-1].split()[3:7] == ["99.8", "1.00", "of", "2"]

    def test_several_processes_have_a_heading_each_and_their_threads_below(self):
        lines = text(ThreadsPanel(), f.two_workers())
        assert [line.split()[:3] for line in lines[1:-1]] == [
            ["▾", "supervisor", f"{f.PID}"],
            ["▾", "worker", f"{f.PID + 1}"],
            [f"{f.PID + 1}", "event", "loop"],
            ["▾", "worker", f"{f.PID + 2}"],
            [f"{f.PID + 2}", "event", "loop"],
        ]
        assert lines[2].rstrip().endswith("39 requests, 1 open")

    def test_headings_give_way_where_there_is_no_room(self):
        lines = text(ThreadsPanel(), f.two_workers(), height=5)
        assert [line.split()[0] for line in lines[1:-1]] == [f"{f.PID + 1}", f"{f.PID + 2}"]

    def test_sorting_goes_through_the_columns_and_back(self):
        panel, snapshot = ThreadsPanel(), f.cpu_def()
        natural = text(panel, snapshot)
        panel.next_sort()
        assert "▼%CPU" in text(panel, snapshot)[0]
        assert "worker-01" in text(panel, snapshot)[1]
        panel.reverse()
        assert "▲%CPU" in text(panel, snapshot)[0]
        assert "event loop" in text(panel, snapshot)[1]
        panel.reverse()
        for title in ("WAIT%", "SW/s", "TIME+", "HOPS", ""):
            panel.next_sort()
            assert panel.sorted_by == title
        assert text(panel, snapshot) == natural

    def test_idle_threads_can_be_hidden(self):
        panel = ThreadsPanel()
        panel.toggle_idle()
        lines = text(panel, f.cpu_async())
        assert not any("worker-01" in line for line in lines)
        assert "idle hidden" in lines[0]

    def test_a_narrow_screen_drops_columns(self):
        assert "SW/s" not in text(ThreadsPanel(), f.cpu_async(), width=80)[0]

    def test_what_is_not_known_is_not_zero(self):
        row = f.thread(cpu_percent=None, wait_percent=None, processor=None, cpu_s=None)
        line = text(ThreadsPanel(), replace(f.cpu_async(), threads=(row,)))[1]
        assert line.split()[2:] == ["S", "-", "-", "─" * 10, "-", "0.0", "-", "0"]


class TestRequests:
    def test_newest_on_top(self):
        lines = text(RequestsPanel(), f.cpu_async())
        assert "▶ start  #77" in lines[1]
        assert "■ end    #76" in lines[2]
        assert lines[2].endswith("200   302 ms here, 1.21 s at the client")

    def test_what_a_request_does_is_said_where_it_is_known(self):
        assert text(RequestsPanel(), f.cpu_async())[0] == " Requests"
        target = replace(f.TARGET, work=4_200_000, work_ms=300)
        shown = text(RequestsPanel(), replace(f.cpu_async(), target=target), 60)[0]
        assert shown == " Requests   4,200,000 additions each, about 300 ms of CPU"
        target = replace(f.TARGET, work=1000)
        shown = text(RequestsPanel(), replace(f.cpu_async(), target=target))[0]
        assert shown == " Requests   1,000 additions each"

    def test_on_the_narrowest_screen_what_has_no_room_is_left_out_whole(self):
        start, end = text(RequestsPanel(), f.cpu_async(), 60)[1:3]
        assert start.endswith("event loop")
        assert end.endswith("200 302 ms here")
        lines = text(ThreadsPanel(), f.cpu_async(), 60)
        assert lines[1].endswith("#77")
        assert "…" not in lines[-1]

    def test_on_a_narrow_screen_get_goes_without_saying(self):
        assert "/cpu/async/…" in text(RequestsPanel(), f.cpu_async(), 80)[1]
        assert "GET /cpu/async/{client}" in text(RequestsPanel(), f.cpu_async(), 120)[1]
        assert short_label(Endpoint("POST", "/items")) == "POST /items"

    def test_the_filter(self):
        panel = RequestsPanel()
        panel.filter = "WORKER-02"
        lines = text(panel, f.cpu_def())[1:]
        assert lines
        assert all("worker-02" in line for line in lines if "start" in line)
        panel.filter = "nobody"
        assert text(panel, f.cpu_def())[1:] == [" nothing matches"]

    @pytest.mark.parametrize(("status", "word"), [(500, "500 ERROR"), (0, "FAILED"), (404, "404")])
    def test_errors_say_so(self, status, word):
        who = (7, 1, f.CPU_DEF, "worker-01")
        line = LogLine(f.BASE, Event.END, *who, status, 3 * MS, None, "")
        lines = text(RequestsPanel(), replace(f.cpu_def(), log=(line,)))
        assert lines[1].endswith(f"{word:<{11 if status != 404 else 6}}3.0 ms here")

    def test_a_late_start_and_a_note(self):
        who = (7, 1, f.CPU_DEF, "worker-01")
        log = (
            LogLine(f.BASE, Event.START, *who, 0, 2 * S, None, ""),
            LogLine(f.BASE, Event.NOTE, 0, None, f.CPU_DEF, "", 0, 0, None, "load \x1b[31moff"),
        )
        note, start = text(RequestsPanel(), replace(f.cpu_def(), log=log))[1:]
        assert note.endswith("— load off")
        assert start.endswith("2.00 s after it arrived")


class TestStatus:
    def test_both_lines_at_full_width(self):
        who, how = text(StatusBar(), f.cpu_async())
        assert who.split()[:7] == ["threadscope", "demo", "cpu", *f.ASYNC.title.split(), "pid"]
        assert who.endswith("http://127.0.0.1:8000")
        for part in ("req/s 3.3", "p50 1.21 s", "max 2.42 s", "in flight 4", "pool 0/40", "00:24"):
            assert part in how

    def test_p99_where_there_is_one(self):
        assert "p99 29 ms" in text(StatusBar(), f.hello())[1]

    def test_pausing_says_how_far_back(self):
        bar = StatusBar()
        bar.behind_ns = 3_250 * MS
        for width in (60, 80, 120):
            assert text(bar, f.cpu_async(), width)[0].startswith("  PAUSED  3.25 s ago")

    def test_failures_stay_on_the_narrowest_screen(self):
        assert "failed 3" in text(StatusBar(), replace(f.cpu_async(), failed=3), 60)[1]

    def test_the_phase(self):
        snapshot = f.touring()
        assert phase_text(snapshot.phase, snapshot.at) == "tour: measure 4/10 s"
        assert phase_text(f.cpu_async().phase, 0) == ""
        assert phase_text(f.no_probe().phase, 0) == ""

    def test_a_route_is_cut_before_a_fact_is_dropped(self):
        for width in (80, 90, 100):
            who = text(StatusBar(), f.cpu_async(), width)[0]
            assert "async def /cpu/asyn" in who
            assert "1 worker" in who
        assert "async def /cpu/async/{cl…" in text(StatusBar(), f.cpu_async(), 80)[0]
        assert f.ASYNC.title in text(StatusBar(), f.cpu_async(), 120)[0]
        assert (
            f.ASYNC.title in text(StatusBar(), replace(f.cpu_async(), target=TargetInfo()), 60)[0]
        )


class TestNotices:
    def test_none_while_all_is_well(self):
        assert notice_lines(f.cpu_async(), 6) == []

    def test_losses_and_limits(self):
        assert text(NoticesPanel(), f.hello()) == [
            " ▲ dropped 120 events   ▲ 3 events never written"
        ]
        assert "limited: no probe" in text(NoticesPanel(), f.no_probe())[0]

    def test_the_end_with_the_last_words_as_inert_text(self):
        lines = text(NoticesPanel(), f.dead())
        assert lines[0].startswith("  SERVER ENDED   exited with status 1")
        assert lines[-1].strip() == "MemoryError [bold]not markup[/bold] no colour"
        assert text(NoticesPanel(), f.dead(), height=2)[-1] == lines[-1]


def test_the_verdict_and_its_evidence():
    first, second = text(VerdictPanel(), f.cpu_async())
    assert first == "  SEQUENTIAL   one request at a time on one thread"
    assert "cores used 1.00 of 2 cores   open 1" in second
    for word in Word:
        behaviour = replace(f.cpu_async().behaviour, word=word)
        drawn = text(VerdictPanel(), replace(f.cpu_async(), behaviour=behaviour))
        assert word.upper() in drawn[0]


@pytest.mark.parametrize("evidence", [
    Evidence(seen=5e9, wanted=5e9, one_hop=5e9, held=5e9, cpu=5e9, alone=5e9),
    Evidence(seen=5e9, wanted=5e9, one_hop=5e9, alone=5e9),
    Evidence(seen=5e9, wanted=5e9, cpu=4.5e9),
    Evidence(seen=5e9, wanted=5e9, cpu=1e9),
    Evidence(seen=5e9, wanted=5e9, cpu=99e9),
    Evidence(seen=5e9, wanted=5e9, one_hop=5e9),
    Evidence(seen=5e9),
    Evidence(),
])  # fmt: skip
def test_the_reason_is_whole_at_80_columns(evidence):
    found = replace(behaviour(evidence), place="cpu.py:31 in burn()")
    drawn = text(VerdictPanel(), replace(f.cpu_async(), behaviour=found), 80)
    assert drawn[0].endswith(found.reason)
    assert "last seen at cpu.py:31 in burn()" in drawn[1]


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


def test_bars():
    assert meter(0.75, 4) == ("━━━", "─")
    assert meter(0.6, 4) == ("━━╸", "─")
    assert meter(7.0, 3) == ("━━━", "")
    assert spark([0, 1, 4, 8]) == " ▁▄█"
    assert spark([0, 0]) == "  "


def test_text_is_cut_by_cells_and_never_markup():
    assert fit("[red]x[/red]", 99) == "[red]x[/red]"
    assert fit("漢字漢字", 5) == "漢字…"
    assert Line().add("漢字").left("ab", 4).strip(12).cell_length == 12


def test_the_least_important_goes_first():
    items = [item("aaaa", rank=1), item("bbbb", rank=3), item("cccc", rank=2)]
    assert [one.pieces[0][0] for one in keep(items, 9, 1)] == ["aaaa", "cccc"]
    assert keep(items, 3, 1) == []


def test_a_line_that_is_cut_says_so():
    assert Line().add("abcdef").strip(4).text == "abc…"
    assert Line().add("abcd").strip(4).text == "abcd"


def test_the_event_loop_has_a_row_on_the_smallest_screen():
    lines = text(ThreadsPanel(), f.pool(), 60, share(15, 0, 41, 41).threads)
    assert "event loop" in lines[1]
    assert "40 more workers: 40 in a request" in lines[2]


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

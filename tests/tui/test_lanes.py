from __future__ import annotations

from tests import factories as f
from tests.tui.driving import text
from threadscope.tui.lanes import LanesPanel, lane_pieces
from threadscope.tui.lanes_math import MANY, PASSING, LaneCell
from threadscope.tui.palette import request_styles


def lane(cells: list[LaneCell], **how) -> str:
    return "".join(ch for ch, _ in lane_pieces(cells, **how))


def block(request: int, height: int, width: int, boundary: bool = False) -> list[LaneCell]:
    first = LaneCell(height, request, boundary, bool(request))
    return [first, *[first._replace(boundary=False)] * (width - 1)]


def test_a_full_lane_is_blocks_with_the_number_and_a_gap():
    cells = block(76, 8, 11) + block(77, 8, 11, boundary=True)
    assert lane(cells) == "███ 76 ███▊" + "███ 77 ████"


def test_a_low_lane_has_its_number_at_the_start():
    cells = block(84, 2, 8) + block(85, 2, 8, boundary=True)
    assert lane(cells) == "#84 ▂▂▂ " + "#85 ▂▂▂▂"


def test_held_without_cpu_is_a_shade():
    assert lane(block(5, 0, 6)) == "#5 ░░░"


def test_idle_is_dots_and_unclaimed_cpu_blocks():
    assert lane(block(0, 0, 3) + block(0, 4, 2)) == "···▄▄"


def test_many_short_requests_have_no_number():
    assert lane(block(MANY, 8, 6)) == "██████"


def test_short_requests_that_only_pass_are_dots_in_their_colour():
    cells = block(PASSING, 0, 3) + block(PASSING, 2, 2) + block(0, 0, 2)
    assert lane(cells) == "···▂▂··"
    assert lane(cells, upper=True) == " " * 7
    (text, style), *_ = lane_pieces(cells)
    assert (text, style) == ("···▂▂", request_styles(MANY).name)


def test_no_number_where_there_is_no_room():
    assert lane(block(1234, 8, 3) + block(1235, 2, 4, boundary=True)) == "██▊▂▂▂▂"


def test_narrow_requests_touch():
    assert lane(block(1, 8, 2) + block(2, 8, 2, boundary=True)) == "1█2█"


def test_two_lines_carry_the_number_above():
    cells = block(84, 4, 6)
    assert lane(cells, upper=True) == "#84   "
    assert lane(cells, lower=True) == "▄▄▄▄▄▄"
    full = block(84, 16, 8)
    assert lane(full, upper=True) == "██ 84 ██"
    assert lane(full, lower=True) == "████████"


def test_a_request_that_only_passes_the_loop_has_no_shade():
    waits = block(0, 0, 2) + block(7, 0, 1) + block(0, 0, 2)
    assert lane(waits, loop=True) == "·····"
    assert lane(waits, upper=True, loop=True) == "     "
    assert lane(waits) == "··░··"
    assert lane(block(7, 2, 2), loop=True) == "▂▂"
    assert lane(block(7, 0, 6), loop=True) == "#7 ░░░"  # it holds the loop, asleep
    assert lane(block(7, 8, 2), loop=True) == " 7"[1:] + "█"


def test_neighbours_differ_in_colour():
    assert all(request_styles(n) is not request_styles(n + k) for n in range(9) for k in (1, 7))


def test_async_is_one_full_lane_and_def_four_low_ones():
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


def test_a_sleeping_pool_is_shades_and_a_fold():
    lines = text(LanesPanel(), f.pool(), height=8)
    assert lines[1].endswith("80 waiting")
    assert "█" * 80 in lines[1]
    assert all("░" * 10 in line for line in lines[3:7])
    assert lines[7].startswith(" 36 more    ░░░░░░")
    assert lines[7].endswith("0.0 %")


def test_those_without_a_lane_are_one_lane_together():
    lines = text(LanesPanel(), f.cpu_def(workers=8), height=6)
    assert lines[5].startswith(" 6 more")
    assert lines[5].endswith("141.0 %"), "of one core, in sum"
    assert set(lines[5].split()[2]) == {"▇", "█"}, "about a whole core, or more"


def test_without_a_probe_there_is_no_queue():
    lines = text(LanesPanel(), f.no_probe())
    assert not any("queued" in line for line in lines)


def test_several_processes_are_told_apart():
    snapshot = f.two_workers()
    lines = text(LanesPanel(), snapshot, height=20)
    heads = [line for line in lines if line.startswith(" ▾ ")]
    assert [line.split()[1:3] for line in heads] == [
        ["worker", f"{f.PID + 1}"],
        ["worker", f"{f.PID + 2}"],
    ]
    assert lines.index(heads[0]) + 1 == lines.index(heads[1]) - 1, "a lane between them"


def test_without_room_for_headings_the_names_say_the_process():
    lines = text(LanesPanel(), f.two_workers(), height=5)
    assert not any(line.startswith(" ▾ ") for line in lines)
    assert any(line.startswith(f" {f.PID + 1} loop") for line in lines)


def test_zoom_stays_in_its_range():
    panel = LanesPanel()
    for by, end in ((-1, 1.5), (1, 60)):
        for _ in range(9):
            panel.zoom(by)
        assert panel.seconds == end
        assert text(panel, f.cpu_async())[0].endswith(f"last {end:g} s")

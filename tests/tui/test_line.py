from __future__ import annotations

from threadscope.tui.line import Line, fit, item, keep, meter, spark


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

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import factories as f
from tests.factories import MS, S
from threadscope.model.snapshot import Latency, Mark, Second
from threadscope.tui import charts_math as cm
from threadscope.tui.charts import ChartsPanel

AT = 1_000 * S


def second(age: int, count: int = 10, p50: int = 20 * MS, longest: int = 60 * MS) -> Second:
    """The second that began `age` seconds ago."""
    return Second(AT - age * S, Latency(count=count, p50=p50, max=longest))


def drawn(seconds=(), marks=(), width=120, height=30) -> list[str]:
    snapshot = replace(f.cpu_async(), at=AT, seconds=tuple(seconds), marks=tuple(marks))
    strips = ChartsPanel().draw(snapshot, width, height)
    assert {strip.cell_length for strip in strips} == {width}
    assert len(strips) == height
    return [strip.text.rstrip() for strip in strips]


@pytest.mark.parametrize("size", [(60, 10), (80, 18), (120, 30), (200, 44)])
def test_it_fills_any_size_with_and_without_data(size):
    drawn((), (), *size)
    everything = [second(age, count=age * 100, longest=age * S) for age in range(60, 0, -1)]
    drawn(everything, [Mark(AT - 30 * S, "8 clients"), Mark(AT - 90 * S, "long ago")], *size)


def test_a_rate_is_as_high_as_its_count():
    lines = drawn([second(2, count=300), second(1, count=150)])
    top, middle = (
        next(y for y, x in enumerate(lines) if x.split()[:1] == [n]) for n in ("300", "150")
    )
    assert "█" in lines[top]
    assert lines[top].count("█") * 2 == lines[middle + 1].count("█")


def test_percentiles_lie_in_their_decade():
    lines = drawn([second(1, p50=20 * MS, longest=700 * MS)])
    row = {
        name: y
        for y, x in enumerate(lines)
        for name in ("10 ms", "100 ms", "1.00 s")
        if name in x[:9]
    }
    p50 = next(y for y, x in enumerate(lines) if "━" in x[9:] and "p50" not in x)
    longest = next(y for y, x in enumerate(lines) if "╌" in x and "p99" not in x)
    assert row["1.00 s"] < longest < row["100 ms"] < p50 < row["10 ms"]


def test_marks_say_what_was_changed_and_the_newest_is_never_hidden():
    marks = [Mark(AT - 30 * S, "8 clients"), Mark(AT - 29 * S, "load off"), Mark(AT - 5 * S, "def")]
    lines = drawn([second(age) for age in range(40, 0, -1)], marks)
    assert "8 clients" not in lines[1]
    assert lines[1].split() == ["load", "off", "def"]
    assert max(line.count("╎") for line in lines) == 3


@given(st.floats(0, 1e9))
def test_a_scale_holds_its_value_and_is_not_wasted(value):
    top = cm.nice(value)
    assert top >= min(value * 0.999, top)
    assert top >= value * 0.998
    assert value <= 1 or top <= value * 2


@given(st.integers(10, 400), st.lists(st.integers(0, 59), unique=True))
def test_every_second_has_its_columns_and_none_of_its_neighbours(width, ages):
    columns = cm.Columns(AT, width)
    seconds = [second(age + 1) for age in sorted(ages, reverse=True)]
    shown = columns.spread(seconds)
    assert len(shown) == width
    order = [s.t for s in shown if s]
    assert order == sorted(order)
    if width >= 60:
        assert {s.t for s in shown if s} == {s.t for s in seconds}


@given(
    st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 10**12)), min_size=1),
    st.integers(2, 40),
)
def test_rows_keep_the_order_of_the_latencies(pairs, rows):
    seconds = [second(1, p50=min(p), longest=max(p)) for p in pairs]
    scale = cm.scale(seconds, rows)
    assert all(scale.row(s.latency.p50) <= scale.row(s.latency.max) for s in seconds)
    assert scale.high > scale.low
    assert all(0 <= row < rows for row in scale.ticks())
    assert all(math.log10(ns).is_integer() for ns in scale.ticks().values())

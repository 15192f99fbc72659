"""Bursts as the articles' table."""

from __future__ import annotations

from tests.factories import ASYNC, DEF, summary
from threadscope.model.snapshot import Answerer, BurstSummary, Latency, LimiterSummary, Part
from threadscope.model.snapshot import ProcessSummary as Process
from threadscope.report.bursts import burst_lines, burst_title
from threadscope.report.closing import closing_lines
from threadscope.report.compare import compare_lines, last_of_each

NONE = Latency()


def burst(variant, n, total, threads=(), waiting=None, **changes):
    limiters = () if waiting is None else (LimiterSummary("default", 40, 40, waiting, NONE),)
    process = Process(1, Part.SERVER, n, 0.0, NONE, NONE, limiters)
    return summary(
        variant, burst=BurstSummary(n, total, threads), processes=(process,), **changes
    )  # fmt: skip


ALL = [
    burst(ASYNC, 40, 2.02, (Answerer("MainThread", 7, 40),)),
    burst(ASYNC, 120, 2.03, (Answerer("MainThread", 7, 120),)),
    burst(DEF, 40, 2.07, tuple(Answerer("AnyIO worker thread", i, 1) for i in range(40)), 0),
    burst(DEF, 120, 6.05, tuple(Answerer("AnyIO worker thread", i, 3) for i in range(40)), 80),
]


def test_the_table_has_a_row_a_size_and_a_column_a_variant():
    lines = burst_lines(ALL)
    assert lines[0].split() == ["async", "def"]
    assert lines[1].split() == ["40", "at", "once", "2.02", "s", "2.07", "s"]
    assert lines[2].split() == ["120", "at", "once", "2.03", "s", "6.05", "s"]
    assert lines[4].split()[-2:] == ["-", "40"]
    assert lines[5].split()[-2:] == ["-", "80"]
    assert lines[-2] == "async: MainThread (7) made all 160 answers."
    assert lines[-1] == "def: 40 threads named AnyIO worker thread (0, ...) made the 160 answers."


def test_a_size_that_one_variant_has_not_is_not_known():
    lines = burst_lines([*ALL[:2], ALL[2]])
    assert lines[2].split()[-1] == "-"


def test_card_and_closing_show_bursts_as_such():
    assert compare_lines(ALL) == burst_lines(ALL)
    assert closing_lines(ALL[:1])[1:] == burst_lines(ALL[:1])


def test_the_newest_of_each_variant_and_size_counts():
    newer = burst(DEF, 120, 5.0)
    assert last_of_each([*ALL, newer]) == [*ALL[:3], newer]


def test_one_burst_in_a_line():
    assert burst_title(BurstSummary(120, 6.046)) == "120 at once: 6.05 s"
    assert burst_title(BurstSummary(3, None)) == "3 at once: nothing was answered"

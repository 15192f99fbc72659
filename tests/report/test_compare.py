from __future__ import annotations

from dataclasses import replace

from tests.factories import ASYNC, DEF, MS, cpu_def_summary, summary
from threadscope.model.snapshot import Behaviour, Word
from threadscope.report.compare import compare_lines, last_of_each


def sentences(*summaries) -> str:
    return " ".join(compare_lines(summaries)[-2:])


def row(title: str, *summaries) -> list[str]:
    line = next(line for line in compare_lines(summaries) if line.startswith(title))
    return line.removeprefix(title).split()


def test_the_table_has_a_column_a_variant():
    both = summary(), cpu_def_summary()
    assert compare_lines(both)[0].split() == ["async", "def"]
    assert row("requests a second", *both) == ["3.3", "3.3"]
    assert row("behaviour", *both) == ["SEQUENTIAL", "CONCURRENT"]
    assert row("open, at most", *both) == ["1", "4"]
    assert row("cores used", *both) == ["0.99", "1.01"]
    assert row("CPU ms a request", *both) == ["300", "305"]


def test_what_is_not_known_is_not_zero():
    blind = summary(cpu_ns_per_request=None, open_max=None, cores_used=None)
    assert row("open, at most", blind, blind) == ["-", "-"]
    assert row("CPU ms a request", blind, blind) == ["-", "-"]
    assert "CPU time" not in compare_lines([blind, blind])[-1]


def test_the_cpu_demo_is_as_fast_either_way_but_behaves_otherwise():
    text = sentences(summary(), cpu_def_summary())
    assert "async served one request at a time; def served several requests at once" in text
    assert "They answered about as many requests a second, for about the same CPU time" in text


def test_the_sentences_follow_the_numbers():
    fast = summary(per_second=9000.0, cpu_ns_per_request=0.1 * MS)
    slow = cpu_def_summary(per_second=5000.0, cpu_ns_per_request=0.2 * MS)
    text = sentences(fast, slow)
    assert "async answered 1.8 times as many requests" in text
    assert "def took 2.0 times the CPU time a request" in text
    turned = sentences(replace(fast, variant=DEF), replace(slow, variant=ASYNC))
    assert "def answered 1.8 times" in turned
    assert "async took 2.0 times" in turned


def test_numbers_that_differ_are_never_called_the_same():
    text = sentences(summary(per_second=1.0), cpu_def_summary(per_second=1.3))
    assert "def answered 1.3 times as many requests (too few to be sure: measure longer)" in text
    text = sentences(summary(per_second=10.0), cpu_def_summary(per_second=13.0))
    assert "def answered 1.3 times as many requests, " in text
    text = sentences(summary(per_second=10.0), cpu_def_summary(per_second=10.9))
    assert "about as many requests a second" in text
    text = sentences(summary(per_second=0.0), cpu_def_summary(per_second=3.0))
    assert "Too few were answered to compare them" in text


def test_two_that_behave_alike():
    word = Behaviour(Word.PARALLEL, "")
    text = sentences(summary(behaviour=word), cpu_def_summary(behaviour=word))
    assert text.startswith("Both really ran on several cores at once.")


def test_the_newest_whole_phase_of_each_variant_counts():
    old, new = summary(round=1), summary(round=2)
    torn = cpu_def_summary(aborted="the server ended")
    assert last_of_each([old, new, torn]) == [new]
    assert [one.variant.key for one in last_of_each([old, cpu_def_summary(), new])] == [
        "async", "def",
    ]  # fmt: skip

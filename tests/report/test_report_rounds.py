"""Medians and ratios of several rounds, and when they prove something."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.factories import ASYNC, DEF, MS, TARGET, cpu_def_summary, summary
from tests.report.schema import check_document
from threadscope.model.snapshot import (
    Answerer,
    Behaviour,
    BesideSummary,
    BurstSummary,
    Latency,
    Word,
)
from threadscope.report.document import compared
from threadscope.report.rounds import (
    CPU,
    RATE,
    TOTAL,
    Trial,
    beside_p50,
    cases,
    middle,
    ratios,
    word,
)
from threadscope.report.rounds_table import markdown_lines, text_lines


def trials(of_async, of_def, demo="hello", **changes) -> list[Trial]:
    """A round for each pair of rates; 0.01 requests are open, so that counts are exact."""
    facts = {"open_mean": 0.01, **changes}
    out = []
    for number, (a, d) in enumerate(zip(of_async, of_def, strict=True), 1):
        for variant, rate in ((ASYNC, a), (DEF, d)):
            one = summary(variant, round=number, per_second=rate, **facts)
            out.append(Trial(demo, TARGET, one))
    return out


def verdict(of_async, of_def, **changes):
    [case] = cases(trials(of_async, of_def, **changes))
    [ratio] = ratios(case, [RATE])
    return ratio


def test_a_ratio_is_the_median_of_the_rounds_with_the_least_and_the_greatest():
    ratio = verdict([100, 110, 105], [50, 44, 63])
    assert (ratio.base, ratio.against, ratio.rounds) == ("async", "def", 3)
    assert (ratio.median, ratio.least, ratio.greatest) == pytest.approx((0.5, 0.4, 0.6))
    assert ratio.verdict == "lower"


@pytest.mark.parametrize(
    ("of_async", "of_def", "says"),
    [
        ([100, 101, 102], [103, 104, 105], "higher"),
        ([100, 101, 103.5], [103, 104, 105], "no clear difference"),
        ([100, 101, 102], [99, 110, 120], "no clear difference"),
        ([100, 101, 102], [99, 98, 97], "lower"),
        ([100], [50], "one round"),
    ],
)
def test_a_difference_is_clear_when_the_rounds_do_not_overlap(of_async, of_def, says):
    assert verdict(of_async, of_def).verdict == says


def test_what_was_open_when_the_counting_began_or_ended_is_no_difference():
    """Four long requests at a time that end together: a count may be off by two of them."""
    of_async, of_def = [3.3, 3.3, 3.3], [2.7, 2.7, 2.7]
    assert verdict(of_async, of_def, duration_s=3.0).verdict == "lower"
    found = verdict(of_async, of_def, duration_s=3.0, open_mean=4.0)
    assert found.verdict == "no clear difference"


def test_numbers_that_are_not_known_have_no_ratio():
    [case] = cases(trials([100, 100], [50, 50], cpu_ns_per_request=None))
    assert ratios(case, [CPU]) == []
    assert middle(case.variants["async"], CPU) is None
    assert ratios(cases(trials([0, 0], [1, 1]))[0], [RATE]) == []


def test_phases_that_did_not_reach_their_end_are_left_out():
    cut = Trial("hello", TARGET, summary(aborted="stopped"))
    silent = Trial("hello", TARGET, summary(latency=Latency()))
    assert cases([cut, silent]) == []
    assert text_lines([cut]) == markdown_lines([cut]) == []


def test_the_word_is_that_of_most_rounds():
    sequential, other = summary(), summary(behaviour=Behaviour(Word.UNKNOWN, "?"))
    assert word([other, sequential, sequential]) is Word.SEQUENTIAL


def test_the_table_has_a_line_a_variant_and_a_sentence_a_ratio():
    lines = text_lines(trials([100, 110, 105], [50, 44, 63]))
    assert lines[1].split() == [
        "demo", "variant", "req/s", "p50", "p99", "open", "cores", "CPU", "ms", "switches",
        "behaviour",
    ]  # fmt: skip
    assert lines[2].split()[:3] == ["hello", "async", "105"]
    assert lines[3].split()[:2] == ["def", "50"]
    assert lines[-1] == (
        "hello: def has 0.50 times the requests a second of async (0.40 to 0.60 in 3 rounds)"
    )
    assert max(map(len, lines)) <= 100


def test_no_clear_difference_is_said_so():
    assert "hello: no clear difference: def has " in text_lines(trials([3, 2], [2, 3]))[-1]
    assert text_lines(trials([3], [2]))[-1].endswith("(one round proves nothing)")


def test_failed_requests_are_told():
    assert text_lines(trials([3], [2], failed=2, cut_off=1))[-2:] == [
        "hello: 3 requests of async failed",
        "hello: 3 requests of def failed",
    ]


def test_markdown_has_as_many_cells_in_each_row():
    lines = markdown_lines(trials([100, 110], [50, 44]))
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 4
    assert len({line.count("|") for line in table}) == 1
    assert lines[-1].startswith("- hello: ")


def bursts() -> list[Trial]:
    threads = (Answerer("MainThread", 1234, 20),)
    out = []
    for number in (1, 2):
        for n in (40, 80):
            for variant, total in ((ASYNC, 2.0), (DEF, n / 20)):
                burst = BurstSummary(n, total + number / 100, threads)
                out.append(Trial("io", TARGET, summary(variant, round=number, burst=burst)))
    return out


def test_each_size_of_bursts_is_compared_by_its_total_time():
    forty, eighty = cases(bursts())
    assert (forty.title, eighty.title) == ("io, 40 at once", "io, 80 at once")
    assert eighty.headlines == (TOTAL,)
    [ratio] = ratios(eighty, eighty.headlines)
    assert ratio.median == pytest.approx(2.0, abs=0.01)
    assert ratio.verdict == "higher"
    [ratio] = ratios(forty, forty.headlines)
    assert ratio.verdict == "no clear difference"
    assert "total" in text_lines(bursts())[1]


def beside(ms: int) -> tuple[BesideSummary, ...]:
    return (BesideSummary("/health", 40, 40, 0, Latency(40, p50=ms * MS, max=ms * MS)),)


def test_light_requests_beside_the_load_have_a_line_and_a_ratio_of_their_own():
    pair = [
        Trial("fairness", TARGET, summary(ASYNC, beside=beside(600))),
        Trial("fairness", TARGET, summary(DEF, beside=beside(30))),
    ]
    [case] = cases(pair)
    assert case.beside == ("/health",)
    [ratio] = ratios(case, [beside_p50("/health")])
    assert ratio.median == pytest.approx(0.05)
    lines = [line.split() for line in text_lines(pair)]
    assert ["/health", "600", "ms", "-"] in lines
    assert ["/health", "30", "ms", "-"] in lines


def test_the_document_of_a_comparison():
    document = json.loads(json.dumps(compared([*trials([100, 110], [50, 44]), *bursts()])))
    check_document(document)
    assert [phase["round"] for phase in document["phases"][:4]] == [1, 1, 2, 2]
    found = {(one["demo"], one["burst"], one["metric"]): one for one in document["comparisons"]}
    assert found["hello", None, "per_second"]["verdict"] == "lower"
    assert found["io", 80, "total_s"]["median"] == pytest.approx(2.0, abs=0.01)
    assert document["phases"][-1]["burst"] == {
        "n": 80,
        "total_s": 4.02,
        "threads": [{"name": "MainThread", "ident": 1234, "answers": 20}],
    }


def test_the_document_of_nothing():
    check_document(compared([]))


def test_a_route_has_its_own_clients_latency():
    from tests.factories import CPU_ASYNC
    from threadscope.model.snapshot import Endpoint, RouteSummary

    def route(path):
        where = CPU_ASYNC._replace(route=path) if path != "/health" else Endpoint("GET", path)
        return RouteSummary(where, 1, 1, 0, Latency(), 0, 0, None, Latency(), None)

    one = summary(beside=beside(600), routes=(route("/heavy"), route("/health")))
    heavy, health = compared([Trial("fairness", TARGET, one)])["phases"][0]["routes"]
    assert health["client_latency_ms"]["p50"] == 600
    assert heavy["client_latency_ms"]["p50"] == one.latency.p50 / MS
    several = replace(one, routes=(route("/a"), route("/b"), route("/health")))
    [a, _, _] = compared([Trial("x", TARGET, several)])["phases"][0]["routes"]
    assert a["client_latency_ms"]["p50"] is None, "nobody counted it apart"


def test_def_beside_async_is_a_case_of_two():
    pair = [Trial("cpu", TARGET, summary()), Trial("cpu", TARGET, cpu_def_summary())]
    assert list(cases(pair)[0].variants) == ["async", "def"]

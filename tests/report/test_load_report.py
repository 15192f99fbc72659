"""A load by itself, as text and as JSON, from given numbers."""

from __future__ import annotations

import json

import pytest

from tests.report.load_schema import check_load_document
from threadscope.model.histogram import Histogram
from threadscope.model.load_summary import Asked, LoadSummary, OnSchedule
from threadscope.report.load_document import load_document
from threadscope.report.load_text import fine, load_lines

MS = 1_000_000
ASKED = Asked(("http://127.0.0.1:8000/",), "GET", {}, 0, "closed", 4, None, 30.0, True)


def histogram(*values_ms: float) -> Histogram:
    made = Histogram()
    for value in values_ms:
        made.add(round(value * MS))
    return made


def summary(**changes) -> LoadSummary:
    base = {
        "asked": ASKED, "started": 8, "completed": 5, "failed": 2, "cut_off": 1,
        "per_second": 5012.3, "settle_s": 0.05, "duration_s": 2.0, "drain_s": 0.0,
        "latency": histogram(10, 10, 11, 12, 50), "statuses": {"200": 5, "404": 1},
        "errors": {"wrong_length": 1}, "reasons": {"wrong_length": "Less came"},
        "received_bytes": 12_000, "generator_percent": 41.2, "loop": "uvloop",
    }  # fmt: skip
    return LoadSummary(**{**base, **changes})


TEXT = """\
Summary:
  Total:        2.00 s, settled 50.0 ms
  Slowest:      50.0 ms
  Fastest:      10.0 ms
  Average:      18.6 ms
  Requests/sec: 5,012
  Requests:     8: 5 completed, 2 failed, 1 cut off at the end
  Total data:   12.0 kB
  Size/request: 2.0 kB
  Load:         4 clients, 41 % of a core

Response time histogram:
  14.0 ms [4] |■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■
  18.0 ms [0] |
  22.0 ms [0] |
  26.0 ms [0] |
  30.0 ms [0] |
  34.0 ms [0] |
  38.0 ms [0] |
  42.0 ms [0] |
  46.0 ms [0] |
  50.0 ms [1] |■■■■■■■■■■

Latency distribution:
    50% in 11.0 ms

Status code distribution:
  [200] 5 responses
  [404] 1 response

Error distribution:
  [1] wrong length: less came
""".splitlines()


def test_the_whole_text():
    assert load_lines(summary()) == TEXT


def test_a_schedule_is_added_up_and_both_latencies_stand_side_by_side():
    asked = Asked(("http://h/",), "GET", {}, 0, "open", 4, 2.5, 30.0, False)
    schedule = OnSchedule(10, 5, 3, 2, histogram(20, 20, 20, 21, 900))
    lines = load_lines(summary(asked=asked, schedule=schedule))
    assert "  10 scheduled = 5 sent on time + 3 sent late + 2 dropped" in lines
    at = next(i for i, line in enumerate(lines) if line.startswith("Latency distribution:"))
    assert lines[at + 1].split() == ["50%", "in", "11.0", "ms", "20.0", "ms"]
    load = next(line for line in lines if line.startswith("  Load:"))
    assert load.endswith(
        "2.5 requests/sec on schedule, a connection for each request, 41 % of a core"
    )


def test_a_burst_is_timed_as_a_whole():
    asked = Asked(("http://h/",), "GET", {}, 0, "burst", 80, None, 30.0, True)
    lines = load_lines(summary(asked=asked, burst_s=4.02, settle_s=0.0))
    assert "  Total:        2.00 s, burst of 80 in 4.02 s" in lines
    [phase] = load_document(summary(asked=asked, burst_s=4.02))["phases"]
    assert phase["burst"] == {"n": 80, "total_s": 4.02}


@pytest.mark.parametrize(("percent", "bound"), [(79.9, False), (80.0, True), (None, False)])
def test_a_generator_near_its_limit_is_said(percent, bound):
    made = summary(generator_percent=percent)
    said = [line for line in load_lines(made) if line.startswith("generator-bound: ")]
    assert bool(said) is bound
    [phase] = load_document(made)["phases"]
    assert [finding["lint"] for finding in phase["findings"]] == ["generator-bound"] * bound


def test_why_it_ended_early_comes_last():
    assert load_lines(summary(aborted="interrupted"))[-1] == (
        "It ended early, after 2.00 s: interrupted."
    )
    assert load_lines(summary(aborted="interrupted", duration_s=0.0))[-1] == (
        "It ended while it settled, before anything was measured: interrupted."
    )


def test_without_an_answer_there_is_neither_chart_nor_distribution():
    lines = load_lines(summary(latency=Histogram(), statuses={}, received_bytes=0))
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert heads == ["Summary:", "Error distribution:"]
    assert "  Slowest:      -" in lines
    assert "  Size/request: -" in lines


def test_outliers_have_a_row_of_their_own():
    lines = load_lines(summary(latency=histogram(*[1 + i / 100 for i in range(199)], 500)))
    rows = [line for line in lines if "|" in line]
    assert len(rows) == 11
    assert rows[-1].split()[:3] == ["500", "ms", "[1]"]
    assert rows[-2].split()[:2] == ["2.97", "ms"]


def test_equal_latencies_are_one_row():
    [row] = [line for line in load_lines(summary(latency=histogram(3, 3, 3))) if "|" in line]
    assert row.split()[:3] == ["3.00", "ms", "[3]"]


def test_json_has_all_keys_and_no_others():
    asked = Asked(("http://h/",), "GET", {}, 0, "open", 4, 2.5, 30.0, False)
    schedule = OnSchedule(10, 5, 3, 2, histogram(20, 21))
    for made in (summary(), summary(asked=asked, schedule=schedule)):
        document = load_document(made)
        check_load_document(document)
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_json_counts_failures_of_every_kind():
    [phase] = load_document(summary(statuses={"200": 1, "404": 2, "503": 3}))["phases"]
    failures = {kind: n for kind, n in phase["errors"].items() if n}
    assert failures == {"4xx": 2, "5xx": 3, "wrong_length": 1}
    assert sum(count for _, count in phase["histogram_ms"]) == 5
    assert phase["histogram_ms"][0][0] == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, "-"), (0, "0.00 µs"), (999, "1.00 µs"), (192_400, "192 µs"), (999_499, "999 µs"),
        (999_500, "1.00 ms"), (9_994_000, "9.99 ms"), (9_996_000, "10.0 ms"),
        (39_140_000, "39.1 ms"),
        (999_400_000, "999 ms"), (1_210_000_000, "1.21 s"), (60_000_000_000, "60.00 s"),
    ],
)  # fmt: skip
def test_three_digits(ns, text):
    assert fine(ns) == text

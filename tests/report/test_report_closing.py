from __future__ import annotations

import re
from dataclasses import replace

from tests.factories import cpu_def_summary, summary
from tests.lints.seen import MS, route
from threadscope.model.facts import OUTSIDE, Endpoint
from threadscope.model.snapshot import TargetInfo
from threadscope.report.closing import closing_lines
from threadscope.report.compare import compare_lines
from threadscope.report.document import document
from threadscope.report.findings import holder_lines


def test_nothing_measured_nothing_said():
    assert closing_lines([]) == []


def test_several_variants_are_compared():
    both = [summary(), cpu_def_summary()]
    assert closing_lines(both) == ["", *compare_lines(both)]


def test_one_variant_has_its_figures():
    _, title, *rows, empty, behaviour = closing_lines([summary()])
    assert title == "async def /cpu/async/{client}"
    assert empty == ""
    assert behaviour == "SEQUENTIAL: one request at a time on one thread"
    cells = dict(row.rsplit("   ", 1) for row in rows)
    figures = {title.strip(): cell.strip() for title, cell in cells.items()}
    assert figures["requests a second"] == "3.3"
    assert figures["open, at most"] == "1"
    assert figures["failed"] == "0"


def test_what_ended_early_says_so():
    cut = cpu_def_summary(aborted="the server was killed by SIGKILL", duration_s=2.1)
    assert closing_lines([summary(), cut])[-1] == (
        "def ended early, after 2.10 s: the server was killed by SIGKILL."
    )
    assert closing_lines([cut])[-1].startswith("def ended early")


def test_sentences_are_wrapped_to_the_terminal_and_nothing_is_lost():
    both = [summary(), cpu_def_summary(aborted="the server was killed by SIGKILL")]
    assert max(map(len, closing_lines(both))) > 60
    wrapped = closing_lines(both, 60)
    assert max(map(len, wrapped)) <= 60
    assert " ".join(wrapped).split() == " ".join(closing_lines(both)).split()
    assert wrapped[1:12] == closing_lines(both)[1:12]  # the table stays as it is
    assert closing_lines(both, 1000) == closing_lines(both)


def test_who_held_the_loop_has_the_line_where_it_was_seen():
    """A function outside of any request stands among the endpoints, and is no route."""
    report = Endpoint("GET", "/report", "report", "async def", "reports.py:80")
    refresh = Endpoint("", "", "refresh()", OUTSIDE, "tasks.py")
    routes = (
        route(report, hold_ms=3),
        replace(route(refresh, completed=0), hold_total=400 * MS, hold_place="tasks.py:31"),
    )
    phase = summary(routes=routes)
    assert [re.split(" {2,}", row)[:2] for row in holder_lines(phase)[2:]] == [
        ["refresh(), outside any request", "tasks.py:31"],
        ["GET /report report", "reports.py:80"],
    ]
    [found] = document("demo", TargetInfo(), [phase])["phases"]
    assert [x["route"] for x in found["routes"]] == ["/report"]
    seen = {x["route"]: x["seen_at"] for x in found["server"]["held_the_loop"]}
    assert seen == {"refresh(), outside any request": "tasks.py:31", "GET /report": None}

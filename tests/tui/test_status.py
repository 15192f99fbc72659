from __future__ import annotations

from dataclasses import replace

import pytest

from tests import factories as f
from tests.factories import MS
from tests.tui.driving import text
from threadscope.model.behaviour import Evidence, behaviour
from threadscope.model.snapshot import TargetInfo, Word
from threadscope.tui.notices import NoticesPanel, notice_lines
from threadscope.tui.status import StatusBar, phase_text
from threadscope.tui.verdict import VerdictPanel


def test_both_lines_at_full_width():
    who, how = text(StatusBar(), f.cpu_async())
    assert who.split()[:7] == ["threadscope", "demo", "cpu", *f.ASYNC.title.split(), "pid"]
    assert who.endswith("http://127.0.0.1:8000")
    for part in ("req/s 3.3", "p50 1.21 s", "max 2.42 s", "in flight 4", "pool 0/40", "00:24"):
        assert part in how


def test_p99_where_there_is_one():
    assert "p99 29 ms" in text(StatusBar(), f.hello())[1]


def test_pausing_says_how_far_back():
    bar = StatusBar()
    bar.behind_ns = 3_250 * MS
    for width in (60, 80, 120):
        assert text(bar, f.cpu_async(), width)[0].startswith("  PAUSED  3.25 s ago")


def test_failures_stay_on_the_narrowest_screen():
    assert "failed 3" in text(StatusBar(), replace(f.cpu_async(), failed=3), 60)[1]


def test_the_phase():
    snapshot = f.touring()
    assert phase_text(snapshot.phase, snapshot.at) == "tour: measure 4/10 s"
    assert phase_text(f.cpu_async().phase, 0) == ""
    assert phase_text(f.no_probe().phase, 0) == ""


def test_a_route_is_cut_before_a_fact_is_dropped():
    for width in (80, 90, 100):
        who = text(StatusBar(), f.cpu_async(), width)[0]
        assert "async def /cpu/asyn" in who
        assert "1 worker" in who
    assert "async def /cpu/async/{cl…" in text(StatusBar(), f.cpu_async(), 80)[0]
    assert f.ASYNC.title in text(StatusBar(), f.cpu_async(), 120)[0]
    assert f.ASYNC.title in text(StatusBar(), replace(f.cpu_async(), target=TargetInfo()), 60)[0]


def test_none_while_all_is_well():
    assert notice_lines(f.cpu_async(), 6) == []


def test_losses_and_limits():
    assert text(NoticesPanel(), f.hello()) == [" ▲ dropped 120 events   ▲ 3 events never written"]
    assert "limited: no probe" in text(NoticesPanel(), f.no_probe())[0]


def test_the_end_with_the_last_words_as_inert_text():
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

from __future__ import annotations

from tests.factories import ASYNC, CPU_ASYNC, CPU_DEF, DEF, MS, S, summary
from threadscope.model.snapshot import (
    Event,
    Health,
    LogLine,
    PhaseInfo,
    PhaseState,
    Snapshot,
    Variant,
)
from threadscope.report.text import TextReport, log_line, status_line

START, END, ARRIVE, NOTE = Event.START, Event.END, Event.ARRIVE, Event.NOTE


def line(t: int, event: Event = START, request: int = 1, endpoint=CPU_ASYNC, **more) -> LogLine:
    known = {"client": 1, "thread": "event loop", "status": 200, "here_ns": 300 * MS,
             "client_ns": None, "text": ""}  # fmt: skip
    return LogLine(t, event, request, endpoint=endpoint, **{**known, **more})


def snapshot(at: int, *log: LogLine, logged: int | None = None, **more) -> Snapshot:
    return Snapshot(at=at, log=log, logged=len(log) if logged is None else logged, **more)


def phase(variant: Variant, since: int, state=PhaseState.MEASURE, clients: int = 4) -> PhaseInfo:
    return PhaseInfo(variant, state, since, clients=clients)


def told(report: TextReport, *snapshots: Snapshot, last: bool = False) -> list[str]:
    """Heads as they are, log lines as `start 1`; without status lines."""
    lines = [text for one in snapshots for text in report.lines(one, last=last)]
    return [short(text) for text in lines if not text.startswith("-- ")]


def short(text: str) -> str:
    if text.startswith(("==", "   ...")):
        return text
    _, event, request, *_ = text.split()
    return f"{event} {request.removeprefix('#')}"


def test_a_line_is_printed_once_and_only_when_it_is_complete():
    report = TextReport()
    first, second = line(1 * S), line(1 * S + 250 * MS, END)
    assert told(report, snapshot(1 * S + 50 * MS, first)) == []
    assert told(report, snapshot(1 * S + 300 * MS, first, second)) == ["start 1"]
    assert told(report, snapshot(1 * S + 400 * MS, first, second)) == ["end 1"]
    assert told(report, snapshot(1 * S + 500 * MS, first, second)) == []


def test_the_last_snapshot_holds_nothing_back():
    report = TextReport()
    lines = line(1 * S), line(1 * S + 10 * MS, END)
    assert told(report, snapshot(1 * S + 20 * MS, *lines), last=True) == ["start 1", "end 1"]


def test_an_arrival_is_older_than_its_place_in_the_log_and_still_waits_for_its_turn():
    report = TextReport()
    late = [line(1 * S), line(2 * S), line(500 * MS, ARRIVE, 2), line(2 * S, START, 2)]
    assert told(report, snapshot(2 * S, *late)) == ["start 1"]
    assert told(report, snapshot(3 * S, *late)) == ["start 1", "arrive 2", "start 2"]


def test_lines_that_left_the_log_before_they_were_seen_are_counted():
    report = TextReport()
    assert told(report, snapshot(2 * S, line(1 * S), logged=1201)) == [
        "   ... 1,200 more lines",
        "start 1",
    ]


def test_a_phase_has_its_head_before_its_first_line_and_its_word_after_its_last():
    report = TextReport()
    begun = phase(ASYNC, 1 * S, PhaseState.SETTLE)
    old = line(1 * S + 100 * MS), line(2 * S, END)
    new = line(2 * S + 300 * MS, START, 2, CPU_DEF)
    changed = {"phase": phase(DEF, 2 * S + 200 * MS, PhaseState.SETTLE), "finished": (summary(),)}
    assert told(
        report,
        snapshot(1 * S + 400 * MS, *old[:1], phase=begun),
        snapshot(2 * S + 50 * MS, *old, phase=begun),
        snapshot(2 * S + 250 * MS, *old, **changed),
        snapshot(2 * S + 450 * MS, *old, new, **changed),
    ) == [
        "== async def /cpu/async/{client}: 4 clients",
        "start 1",
        "end 1",
        "== async def /cpu/async/{client}: SEQUENTIAL, one request at a time on one thread",
        "== def /cpu/def/{client}: 4 clients",
        "start 2",
    ]


def test_a_phase_that_was_over_before_it_was_seen_is_told_in_order_all_the_same():
    lines = line(1 * S), line(1 * S + 10 * MS, END)
    done = phase(ASYNC, 1 * S + 20 * MS, PhaseState.DONE, clients=1)
    head, *rest = told(TextReport(), snapshot(2 * S, *lines, phase=done))
    assert head == "== async def /cpu/async/{client}: 1 client"
    assert rest == ["start 1", "end 1"]
    over = snapshot(2 * S, *lines, phase=done, finished=(summary(clients=1),))
    both = told(TextReport(), over, last=True)
    assert both[:3] == [head, *rest]
    assert both[3].startswith("== async def /cpu/async/{client}: SEQUENTIAL")


def test_one_status_line_a_second_and_none_before_the_load():
    report = TextReport()
    shots = [snapshot(10 * S + i * 250 * MS, phase=phase(ASYNC, 9 * S)) for i in range(9)]
    assert list(TextReport().lines(snapshot(10 * S))) == []
    status = [text for one in shots for text in report.lines(one) if text.startswith("-- ")]
    assert len(status) == 3


def test_what_is_not_known_is_left_out_and_what_was_lost_is_told():
    text = status_line(snapshot(24 * S, health=Health(dropped=100, holes=20, limited="no probe")))
    assert "req/s -  p50 -" in text
    assert "in flight" not in text
    assert "dropped 120 events" in text
    assert text.endswith("limited: no probe")


def test_the_lines():
    assert (
        log_line(line(0), 0)[12:]
        == "  start   #1      client 1  GET /cpu/async/{client}  event loop"
    )
    end = line(0, END, client=None, client_ns=1210 * MS)
    assert log_line(end, 0)[12:] == (
        "  end     #1      GET /cpu/async/{client}  200  300 ms here, 1.21 s at the client"
    )
    assert (
        log_line(line(0, NOTE, 0, text="the server ended"), 0)[12:] == "  note    the server ended"
    )

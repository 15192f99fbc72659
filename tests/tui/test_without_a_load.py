"""The panels of a server that nobody of ours asks, with a probe and without."""

from __future__ import annotations

from dataclasses import replace

from tests import factories as f
from threadscope.model.snapshot import Health, PhaseInfo, Role, Variant
from threadscope.tui.lanes import LanesPanel
from threadscope.tui.notices import notice_lines
from threadscope.tui.requests import RequestsPanel
from threadscope.tui.status import StatusBar
from threadscope.tui.threads import ThreadsPanel

WHY = "threads and functions; Python 3.11 cannot take a probe in: start it by `threadscope run`"


def text(panel, snapshot, width=100, height=12):
    return "\n".join(strip.text for strip in panel.draw(snapshot, width, height))


def watched():
    """With a probe, and no load of ours."""
    phase = PhaseInfo(Variant("watch", "what others ask"))
    return replace(f.cpu_async(), phase=phase, in_flight=None, queued=3, queued_at_least=True)


def unseen():
    """Without a probe."""
    threads = [
        replace(row, now=None, role=Role.LOOP, where="app.py:3 in f()", holds_gil=True)
        for row in f.cpu_async().threads[:1]
    ]
    return replace(
        watched(), open=None, in_threads=None, per_second=None, bars=(), done=0, log=(),
        threads=tuple(threads), health=Health(limited=WHY),
    )  # fmt: skip


def test_no_figures_of_a_load():
    shown = text(StatusBar(), watched())
    assert "what others ask" in shown
    assert "clients" not in shown
    assert "in flight" not in shown
    assert "open " in shown


def test_what_waits_is_at_least_so_many():
    assert "≥ 3 waiting" in text(LanesPanel(), watched())
    assert "≥" not in text(LanesPanel(), replace(watched(), queued_at_least=False))


def test_websockets_are_shown_when_there_are_some():
    assert "WebSockets 2" in text(StatusBar(), replace(watched(), websockets=2), 160)
    assert "WebSockets" not in text(StatusBar(), replace(watched(), websockets=0), 160)


def test_without_a_probe_nothing_is_counted():
    shown = text(StatusBar(), unseen())
    assert "req/s -" in shown
    assert "done" not in shown
    assert "failed" not in shown
    assert "no request is seen without a probe" in text(RequestsPanel(), unseen())


def test_the_function_and_who_has_the_gil():
    assert "GIL app.py:3 in f()" in text(ThreadsPanel(), unseen())


def test_the_reason_is_wrapped_not_cut():
    lines = ["".join(piece for piece, _ in line) for line in notice_lines(unseen(), 4, 60)]
    assert len(lines) == 2
    assert " ".join(line.strip() for line in lines) == f"▲ limited: {WHY}"

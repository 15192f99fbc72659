from __future__ import annotations

from dataclasses import replace

import pytest

from tests import factories as f
from tests.factories import MS, S
from tests.tui.driving import text
from threadscope.model.snapshot import Endpoint, Event, LogLine
from threadscope.tui.requests import RequestsPanel
from threadscope.tui.rows import short_label
from threadscope.tui.threads import ThreadsPanel


def test_newest_on_top():
    lines = text(RequestsPanel(), f.cpu_async())
    assert "▶ start  #77" in lines[1]
    assert "■ end    #76" in lines[2]
    assert lines[2].endswith("200   302 ms here, 1.21 s at the client")


def test_what_a_request_does_is_said_where_it_is_known():
    assert text(RequestsPanel(), f.cpu_async())[0] == " Requests"
    target = replace(f.TARGET, work=4_200_000, work_ms=300)
    shown = text(RequestsPanel(), replace(f.cpu_async(), target=target), 60)[0]
    assert shown == " Requests   4,200,000 additions each, about 300 ms of CPU"
    target = replace(f.TARGET, work=1000)
    shown = text(RequestsPanel(), replace(f.cpu_async(), target=target))[0]
    assert shown == " Requests   1,000 additions each"


def test_on_the_narrowest_screen_what_has_no_room_is_left_out_whole():
    start, end = text(RequestsPanel(), f.cpu_async(), 60)[1:3]
    assert start.endswith("event loop")
    assert end.endswith("200 302 ms here")
    lines = text(ThreadsPanel(), f.cpu_async(), 60)
    assert lines[1].endswith("#77")
    assert "…" not in lines[-1]


def test_on_a_narrow_screen_get_goes_without_saying():
    assert "/cpu/async/…" in text(RequestsPanel(), f.cpu_async(), 80)[1]
    assert "GET /cpu/async/{client}" in text(RequestsPanel(), f.cpu_async(), 120)[1]
    assert short_label(Endpoint("POST", "/items")) == "POST /items"


def test_the_filter():
    panel = RequestsPanel()
    panel.filter = "WORKER-02"
    lines = text(panel, f.cpu_def())[1:]
    assert lines
    assert all("worker-02" in line for line in lines if "start" in line)
    panel.filter = "nobody"
    assert text(panel, f.cpu_def())[1:] == [" nothing matches"]


@pytest.mark.parametrize(("status", "word"), [(500, "500 ERROR"), (0, "FAILED"), (404, "404")])
def test_errors_say_so(status, word):
    who = (7, 1, f.CPU_DEF, "worker-01")
    line = LogLine(f.BASE, Event.END, *who, status, 3 * MS, None, "")
    lines = text(RequestsPanel(), replace(f.cpu_def(), log=(line,)))
    assert lines[1].endswith(f"{word:<{11 if status != 404 else 6}}3.0 ms here")


def test_a_late_start_and_a_note():
    who = (7, 1, f.CPU_DEF, "worker-01")
    log = (
        LogLine(f.BASE, Event.START, *who, 0, 2 * S, None, ""),
        LogLine(f.BASE, Event.NOTE, 0, None, f.CPU_DEF, "", 0, 0, None, "load \x1b[31moff"),
    )
    note, start = text(RequestsPanel(), replace(f.cpu_def(), log=log))[1:]
    assert note.endswith("— load off")
    assert start.endswith("2.00 s after it arrived")

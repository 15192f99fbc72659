from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadscope.load.messages import (
    Begin,
    Burst,
    Died,
    Progress,
    Ready,
    Result,
    Scheduled,
    SetClients,
    SetOn,
    SetRate,
    State,
    Stop,
    Usage,
    command_from,
    event_from,
    to_line,
)
from threadscope.load.plan import LoadPlan, Model
from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import PhaseState

URL = "http://127.0.0.1:8000/{client}"
COUNTS = st.dictionaries(st.text(max_size=5), st.integers(0), max_size=3)


@pytest.mark.parametrize(
    "command",
    [
        Begin(LoadPlan(URL)),
        Begin(LoadPlan(URL, 7, 1.5, 100, 3.0, 0.0, "/ü/{client}\n")),
        Begin(LoadPlan(URL, model=Model.OPEN, rate=0.5, further_urls=(URL, URL))),
        Begin(LoadPlan(URL, method="PUT", headers=(("a", "ü"), ("b", "")), body=bytes(range(256)))),
        SetClients(12),
        SetRate(12.5),
        Stop(1.5),
        SetOn(True),
        SetOn(False),
        Stop(),
    ],
)
def test_commands_survive_the_pipe(command):
    line = to_line(command)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert command_from(line) == command


@pytest.mark.parametrize(
    "event",
    [
        Ready(41, "uvloop"),
        State(PhaseState.DRAIN, 5),
        Usage(99.5, 6),
        Died(-9, ("load: a", "b")),
        Result(),
        Result(burst=Burst(3, None), scheduled=Scheduled(3, 1, 1, 1, {"min": 0})),
        Progress(7, answered=3, per_second=1.5, p99=4),
    ],
)
def test_events_survive_the_pipe(event):
    assert event_from(to_line(event)) == event


@given(st.integers(0), st.floats(0, 1e9), COUNTS, COUNTS, st.none() | st.floats(0, 1e4))
def test_results_survive_the_pipe(count, rate, statuses, errors, percent):
    result = Result(
        started=count, per_second=rate, statuses=statuses, errors=errors, generator_percent=percent
    )
    assert event_from(to_line(result)) == result


def test_a_histogram_survives_the_pipe():
    histogram = Histogram()
    for ns in (5, 1_000_000, 1_000_001, 30_000_000_000):
        histogram.add(ns)
    result = event_from(to_line(Result(histogram=histogram.to_json())))
    assert isinstance(result, Result)
    assert Histogram.from_json(result.histogram).latency() == histogram.latency()


def test_unknown_keys_are_ignored_and_missing_ones_have_defaults():
    line = json.dumps({"type": "Begin", "new": 1, "plan": {"url": URL, "colour": "red"}})
    assert command_from(line) == Begin(LoadPlan(URL))
    assert event_from('{"type": "Usage", "cpu_percent": 3, "t": 1}') == Usage(3.0, 1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "not a command"),
        ("[]", "not a command"),
        ("nonsense", "not a command"),
        ('{"type": ["Stop"]}', "not a command"),
        ('{"type": "Ready", "pid": 1, "loop": ""}', "not a command"),
        ("[" * 100_000, "not a command"),
        ('{"type": "SetClients"}', "SetClients lacks clients"),
        ('{"type": "SetClients", "clients": "4"}', "SetClients.clients cannot be '4'"),
        ('{"type": "SetClients", "clients": true}', "SetClients.clients cannot be True"),
        ('{"type": "SetClients", "clients": 0}', "clients must be 1 to 10000"),
        ('{"type": "SetOn", "on": 1}', "SetOn.on cannot be 1"),
        ('{"type": "Begin", "plan": []}', "Begin.plan cannot be"),
        ('{"type": "SetRate", "rate": 0}', "the rate must be more than 0"),
        ('{"type": "Begin", "plan": {"url": "ftp://x"}}', "a URL must be http://"),
    ],
)
def test_what_is_no_command_says_so_in_one_short_line(line, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")) as caught:
        command_from(line)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_garbage_raises_nothing_but_value_errors(line):
    with pytest.raises(ValueError, match=r"not an? "):
        event_from(line)


def test_an_unknown_state_is_refused():
    with pytest.raises(ValueError, match="asleep"):
        event_from('{"type": "State", "state": "asleep", "t": 1}')

"""What benchmarks/soak.py says of given figures; nothing is run here."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("soak")


def moments(soak: Any, *, memory=lambda t: 50.0, open_files=lambda t: 20, file=lambda t: 100 * t):
    """An hour, a look every 10 s; what is given is the monitor's."""
    steady = soak.Look(30.0, 28.0, 12)
    return [
        soak.Moment(
            float(t),
            {
                "monitor": soak.Look(memory(t) + 2, memory(t), open_files(t)),
                "server": steady,
                "load": steady,
            },
            1000 + file(t),
        )
        for t in range(0, 3600, 10)
    ]


def missed(soak: Any, found: Any, counts: tuple[int, ...] = (9, 9, 9, 0, 0, 0)) -> list[str]:
    return [one.what for one in soak.budgets(found, soak.Counts(*counts)) if not one.held]


def test_what_stays_as_it_is_passes(soak: Any) -> None:
    assert missed(soak, moments(soak)) == []
    assert len(soak.budgets(moments(soak), soak.Counts(9, 9, 9, 0, 0, 0))) == 10


def test_memory_may_go_up_and_down_but_not_grow(soak: Any) -> None:
    waves = moments(soak, memory=lambda t: 50.0 + t // 10 % 6)
    grows = moments(soak, memory=lambda t: 50.0 + t / 900)

    assert missed(soak, waves) == []
    assert missed(soak, grows) == ["memory of the monitor, last tenth / first"]


def test_descriptors_may_come_and_go_but_not_stay(soak: Any) -> None:
    waves = moments(soak, open_files=lambda t: 20 + t // 10 % 40)
    leaks = moments(soak, open_files=lambda t: 20 + t // 300)

    assert missed(soak, waves) == []
    assert missed(soak, leaks) == ["more descriptors in the monitor"]


def test_a_session_file_grows_evenly(soak: Any) -> None:
    bends = moments(soak, file=lambda t: t * t // 10)

    assert missed(soak, bends) == ["the session file off a straight line, of its size"]


@pytest.mark.parametrize(
    ("counts", "what"),
    [
        ((9, 9, 8, 0, 0, 0), "server's, load's and probe's count apart"),
        ((9, 6, 8, 0, 2, 0), "server's, load's and probe's count apart"),
        ((9, 9, 9, 1, 0, 0), "requests failed"),
        ((9, 9, 9, 0, 0, 1), "events dropped"),
    ],
)
def test_every_request_is_counted_by_all(soak: Any, counts: tuple[int, ...], what: str) -> None:
    assert missed(soak, moments(soak), counts) == [what]


def test_what_was_in_flight_at_the_end_need_not_be_counted_by_all(soak: Any) -> None:
    assert missed(soak, moments(soak), (9, 7, 8, 0, 2, 0)) == []


def test_the_table_has_the_first_and_the_last_moment(soak: Any) -> None:
    rows = soak.rows(moments(soak))

    assert len(rows) == soak.SHOWN
    assert [row[0] for row in (rows[0], rows[-1])] == ["0.0", "59.8"]
    assert rows[0][:4] == ["0.0", "52.0", "50.0", "20"]


def test_a_process_is_looked_at_by_the_kernels_figures(soak: Any) -> None:
    look = soak.look(os.getpid())

    assert 0 < look.own <= look.rss
    assert look.descriptors >= 3

"""When a process that came later is tried to be given a probe."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from threadscope.targets import newcomers
from threadscope.targets.newcomers import MOST_TRIES, Newcomers


class Injections:
    """What was tried, in this order; each try lasts until it is let go of."""

    def __init__(self) -> None:
        self.tried: list[int] = []
        self.go = threading.Semaphore(0)

    def __call__(self, pid: int, folder: Path) -> str:
        self.tried.append(pid)
        self.go.acquire()
        return "it imports modules just now"


@pytest.fixture
def tries(monkeypatch):
    made = Injections()
    monkeypatch.setattr(newcomers, "inject", made)
    return made


def finish(tries, looked):
    """The try that lasts comes to its end; whose it was."""
    tries.go.release()
    looked._thread.join()
    return tries.tried[-1]


def test_whose_turn_passes_while_another_is_tried_is_the_next_one(tries):
    looked = Newcomers(lambda: [1, 2], lambda: Path("/nowhere"))
    for _ in range(5):
        looked.look([1, 2], [])
    assert finish(tries, looked) == 1
    looked.look([1, 2], [])
    assert finish(tries, looked) == 2
    assert tries.tried == [1, 2]


def test_a_process_is_tried_ever_more_seldom_and_not_for_ever(tries):
    looked, at = Newcomers(lambda: [1], lambda: Path("/nowhere")), []
    for n in range(1, 200):
        said = looked.look([1], [])
        assert said.startswith("process 1 has no probe, its requests are not seen: it ")
        if looked._thread is not None:
            at.append(n)
            finish(tries, looked)
    assert at == [1, 2, 4, 8, 16, 32, 64]
    assert len(at) == MOST_TRIES

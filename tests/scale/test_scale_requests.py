from __future__ import annotations

from pathlib import Path

import pytest

from tests.scale.generated import Observer, Server
from threadscope.probe import layout as L
from threadscope.tui.notices import notice_lines

MANY = 10_000


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.fixture
def observer(tmp_path: Path) -> Observer:
    return Observer(tmp_path)


def notices(snapshot):
    return " ".join(text for line in notice_lines(snapshot, 10, 500) for text, _ in line)


def test_ten_thousand_open_in_one_process_are_all_known(server, observer):
    # the table has room for 4,096 of them
    server.arrive(10, MANY)
    for t in range(150, 4000, 350):  # long enough for what is lost to be given up
        seen = observer.look(t)
        assert seen.open == MANY
    assert seen.health.no_slot == MANY - L.OPEN
    assert "5,904 requests found the table of open ones full" in notices(seen)
    server.end(4000, MANY)
    seen = observer.look(4200)
    assert (seen.open, seen.done) == (0, MANY)


def test_of_those_without_a_place_nothing_is_believed_once_events_are_lost(server, observer):
    server.arrive(10, MANY)
    assert observer.look(150).open == MANY
    server.lose(200)
    for t in range(300, 2600, 350):
        seen = observer.look(t)
    assert seen.health.dropped > 0
    assert seen.open == L.OPEN, "the table is the truth again"


def test_one_that_had_a_place_and_left_it_is_not_open(server, observer):
    server.arrive(10, L.OPEN + 5)
    for t in (150, 750):
        assert observer.look(t).open == L.OPEN + 5
    server.end(800, 1, told=False)
    for t in range(900, 3500, 350):
        seen = observer.look(t)
    assert seen.open == L.OPEN + 4


def test_ten_thousand_open_in_four_processes(tmp_path, observer):
    servers = [Server(tmp_path, pid) for pid in (1, 2, 3, 4)]
    for server in servers:
        server.arrive(10, MANY // 4)
    assert observer.look(150).open == MANY
    for t in range(300, 3000, 300):  # they come and go: always as many are open
        for server in servers:
            server.arrive(t - 150, 100)
            server.end(t - 140, 100)
        seen = observer.look(t)
        assert (seen.open, seen.done) == (MANY, sum(one.ended for one in servers))
    assert seen.health.no_slot == 0
    assert not notices(seen)


def test_sixty_four_processes_each_with_its_own_counts(tmp_path, observer):
    from threadscope.model.sample import ProcessSample

    servers = [Server(tmp_path, pid, records=1024) for pid in range(1, 65)]
    for server in servers:
        server.arrive(10, server.pid)
        server.end(20, server.pid // 2)
        observer.aggregator.add_sample(ProcessSample(server.pid, 10_000, 0, ()))
    seen = observer.look(200)
    assert [(row.pid, row.open, row.ended) for row in seen.processes] == [
        (one.pid, len(one.open), one.ended) for one in servers
    ]
    assert seen.open == sum(len(one.open) for one in servers)
    assert len(seen.lanes) == len(servers)

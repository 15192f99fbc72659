"""What `threadscope demo cpu` must show, from real runs: orders, counts and states, no times."""

from __future__ import annotations

import re

import pytest

from tests.integration.command import WORK
from tests.report.schema import check_document

pytestmark = pytest.mark.integration

SLOW = "5000000"
"""A request of more than 100 ms: four of them are sure to be open at once."""


def events(text: str) -> dict[str, list[str]]:
    """start and end lines of each phase, by its title."""
    phases: dict[str, list[str]] = {}
    for line in text.splitlines():
        if found := re.fullmatch(r"== (.+): \d+ clients?", line):
            phases[found[1]] = current = []
        elif found := re.match(r"\d\d:\d\d:\d\d\.\d{3}  (start|end) ", line):
            current.append(found[1])
    return phases


def test_async_is_start_end_start_end_and_def_starts_four_before_the_first_end(demo):
    run = demo("--no-tui", "-n", "8", "--work", SLOW)
    assert run.status() == 0
    assert run.err.text == ""
    phases = events(run.out.text)
    assert list(phases) == ["async def /cpu/async/{client}", "def /cpu/def/{client}"]
    one_by_one, side_by_side = phases.values()
    assert one_by_one == ["start", "end"] * 8
    assert side_by_side[:4] == ["start"] * 4
    assert sorted(side_by_side) == ["end"] * 8 + ["start"] * 8
    assert "== async def /cpu/async/{client}: SEQUENTIAL, " in run.out.text
    assert "== def /cpu/def/{client}: CONCURRENT, " in run.out.text
    table = run.out.text.rpartition("\n\n")[0].splitlines()
    assert next(line for line in table if line.startswith("open, at most")).split()[-2:] == [
        "1",
        "4",
    ]


def test_the_document_tells_async_from_def(demo):
    run = demo("--json", "-n", "12", "-c", "4", "--work", SLOW)
    assert run.status() == 0
    assert run.err.text == ""
    check_document(run.document)
    sequential, concurrent = run.document["phases"]
    for phase in (sequential, concurrent):
        assert phase["requests"]["started"] == phase["requests"]["completed"] == 12
        assert phase["server"]["requests_completed"] == 12
        assert phase["requests"]["failed"] == phase["requests"]["cut_off"] == 0
        assert phase["events"]["dropped"] == 0
        assert phase["aborted"] is None
        assert phase["latency_ms"]["p99"] is None  # too few samples
        assert phase["latency_ms"]["max"] > 0
        [route] = phase["routes"]
        assert route["requests"] == {"started": 12, "completed": 12, "failed": 0}

    server = sequential["server"]
    assert sequential["variant"] == "async"
    assert sequential["routes"][0]["kind"] == "async def"
    assert (server["behaviour"], server["open_max"], server["in_threads_max"]) == (
        "sequential",
        1,
        0,
    )
    assert all(not thread["hops"] for thread in server["threads"])
    busiest = max(server["threads"], key=lambda thread: thread["cpu_percent"] or 0)
    assert busiest["role"] == "event loop"

    server = concurrent["server"]
    assert concurrent["variant"] == "def"
    assert concurrent["routes"][0]["kind"] == "def"
    assert (server["behaviour"], server["open_max"]) == ("concurrent", 4)
    workers = [thread for thread in server["threads"] if thread["role"] == "worker"]
    assert len([worker for worker in workers if worker["hops"]]) >= 4
    [limiter] = server["processes"][0]["limiters"]
    assert (limiter["total_tokens"], limiter["waiting_max"]) == (40, 0)


@pytest.mark.parametrize(
    ("arguments", "variants", "clients", "started"),
    [
        (["-n", "20", "--mode", "async"], ["async"], 4, 20),
        (["-n", "3", "-c", "1"], ["async", "def"], 1, 3),
        (["-n", "100", "-c", "50", "--mode", "def", "--work", "1000"], ["def"], 50, 100),
    ],
)
def test_options(demo, arguments, variants, clients, started):
    run = demo("--json", "--work", WORK, *arguments)
    assert run.status() == 0
    document = run.document
    check_document(document)
    assert [phase["variant"] for phase in document["phases"]] == variants
    for phase in document["phases"]:
        assert phase["load"]["concurrency"] == clients
        assert phase["requests"]["completed"] == phase["server"]["requests_completed"] == started
        assert phase["events"]["dropped"] == phase["requests"]["failed"] == 0
        assert phase["server"]["open_max"] <= clients


def test_a_measurement_of_a_given_length(demo):
    run = demo("--json", "-z", "500ms", "--mode", "def", "--work", WORK)
    assert run.status() == 0
    check_document(run.document)
    [phase] = run.document["phases"]
    assert phase["duration_s"] >= 0.5
    assert phase["aborted"] is None
    assert phase["requests"]["per_second"] > 0


def test_one_client_alone_shows_no_behaviour(demo):
    run = demo("--no-tui", "-n", "4", "-c", "1", "--mode", "async", "--work", WORK)
    assert run.status() == 0
    assert "== async def /cpu/async/{client}: 1 client\n" in run.out.text
    lines = run.out.text.splitlines()
    assert [line for line in lines if line.startswith(("IDLE: ", "UNKNOWN: "))]


def test_an_output_that_knows_no_greek_letters(demo):
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    run = demo("--no-tui", "-n", "4", "--mode", "def", "--work", "100", env=env)
    assert run.status() == 0
    assert run.err.text == ""
    assert run.out.data.isascii()

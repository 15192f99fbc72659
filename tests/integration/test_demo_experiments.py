"""What each demo must show, from real runs with little work: orders, counts and states."""

from __future__ import annotations

import pytest

from tests.integration.command import Command, eventually
from tests.report.schema import check_document

pytestmark = pytest.mark.integration


@pytest.fixture
def run(tmp_path):
    """Starts `threadscope ...` and gives its document; nothing of it may be left."""
    started = []

    def run(*arguments: str, status: int = 0) -> dict:
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir(mode=0o700)
        command = Command(folder, *arguments, "--json")
        started.append(command)
        assert command.status(90) == status, command.err.text
        check_document(command.document)
        command.assert_nothing_left()
        return command.document

    yield run
    for command in started:
        command.end()


def words(document) -> dict[str, str]:
    return {one["variant"]: one["server"]["behaviour"] for one in document["phases"]}


def test_bursts_over_40_wait_for_tokens_in_def_and_not_in_async(run):
    phases = run("demo", "io", "--work", "500")["phases"]
    table = {(one["variant"], one["burst"]["n"]): one for one in phases}
    assert list(table) == [(key, n) for key in ("async", "def") for n in (20, 40, 80, 120)]
    for (key, n), phase in table.items():
        assert phase["requests"]["started"] == phase["requests"]["completed"] == n
        assert phase["server"]["requests_completed"] == n
        assert phase["server"]["behaviour"] == "concurrent"
        assert phase["server"]["open_max"] == n
        assert phase["aborted"] is None
        names = {thread["name"] for thread in phase["burst"]["threads"]}
        assert names == {"MainThread" if key == "async" else "AnyIO worker thread"}
        assert sum(thread["answers"] for thread in phase["burst"]["threads"]) == n
        assert phase["burst"]["total_s"] >= 0.5 * (1 if key == "async" else -(-n // 40))
    for n, threads, waiting in ((20, 20, 0), (40, 40, 0), (80, 40, 40), (120, 40, 80)):
        phase = table["def", n]
        [process] = phase["server"]["processes"]
        [limiter] = process["limiters"]
        assert (limiter["total_tokens"], limiter["borrowed_max"]) == (40, threads)
        assert limiter["waiting_max"] == waiting
        assert phase["server"]["in_threads_max"] == threads
        assert len(phase["burst"]["threads"]) <= threads, "a thread may have answered twice"
    assert {len(table["async", n]["burst"]["threads"]) for n in (20, 120)} == {1}


def test_a_sleep_in_async_def_is_sequential_and_leaves_the_cpu_idle(run):
    document = run("demo", "blocking", "-z", "1s", "--work", "100")
    assert words(document) == {"await": "concurrent", "def": "concurrent", "mistake": "sequential"}
    at_most = {one["variant"]: one["server"]["open_max"] for one in document["phases"]}
    assert (at_most["await"], at_most["def"], at_most["mistake"]) == (10, 10, 1)


def test_a_health_check_waits_for_async_def_and_not_for_def(run):
    document = run("demo", "fairness", "-z", "1s", "--work", "1500000")
    waited = {}
    for phase in document["phases"]:
        [light] = phase["beside"]
        assert light["route"] == "/health"
        assert light["requests"]["completed"] == light["requests"]["started"] > 2
        counted = phase["requests"]["completed"] + light["requests"]["completed"]
        assert phase["server"]["requests_completed"] == counted
        by_route = {one["route"]: one["client_latency_ms"] for one in phase["routes"]}
        assert by_route["/health"] == light["latency_ms"]
        waited[phase["variant"]] = light["latency_ms"]["p50"]
    assert waited["async"] > waited["def"]


def test_slow_requests_take_all_tokens_unless_they_have_their_own(run):
    document = run("demo", "pool", "--work", "300", "-z", "1s")
    limiters = {
        one["variant"]: {
            limiter["name"]: limiter for limiter in one["server"]["processes"][0]["limiters"]
        }
        for one in document["phases"]
    }
    assert limiters["shared"]["default"]["borrowed_max"] == 40
    assert limiters["shared"]["default"]["waiting_max"] >= 20
    assert limiters["own"]["own"]["borrowed_max"] == 40
    assert limiters["own"]["default"]["waiting_max"] == 0
    shared, own = (one["beside"][0]["latency_ms"]["p50"] for one in document["phases"])
    assert shared > own


def test_two_workers_both_serve(run):
    document = run("demo", "workers", "--workers", "2", "-n", "200", "--work", "100000")
    for phase in document["phases"]:
        assert phase["target"]["workers"] == 2
        parts = {one["pid"]: one["role"] for one in phase["server"]["processes"]}
        assert sorted(parts.values())[-2:] == ["worker", "worker"]
        served = [one["requests_completed"] for one in phase["server"]["processes"]]
        assert sum(served) == phase["server"]["requests_completed"] == 200
        assert set(parts) <= set(phase["target"]["pids"])
        threads = {one["pid"] for one in phase["server"]["threads"] if one["role"] == "event loop"}
        assert threads <= {pid for pid, role in parts.items() if role == "worker"}
        assert phase["server"]["behaviour"] != "sequential"
    busy = [one for one in document["phases"][0]["server"]["processes"] if one["role"] == "worker"]
    assert all(one["requests_completed"] for one in busy)


@pytest.mark.parametrize("name", ["hello", "native"])
def test_async_is_sequential_and_def_is_not(run, name):
    work = [] if name == "hello" else ["--work", "30"]
    document = run("demo", name, "-z", "1s", *work)
    assert words(document)["async"] == "sequential"
    assert words(document)["def"] in ("concurrent", "parallel")
    for phase in document["phases"]:
        assert phase["requests"]["failed"] == phase["events"]["dropped"] == 0


def test_compare_measures_each_variant_in_each_round_on_a_server_of_its_own(run):
    document = run("compare", "hello", "--rounds", "2", "-n", "40", "-c", "4")
    order = [(one["round"], one["demo"], one["variant"]) for one in document["phases"]]
    there = [("hello", "async"), ("hello", "def")]
    assert order == [(1, *one) for one in there] + [(2, *one) for one in reversed(there)]
    assert len({one["target"]["pids"][0] for one in document["phases"]}) == 4
    assert all(one["requests"]["completed"] == 40 for one in document["phases"])
    rates = [one for one in document["comparisons"] if one["metric"] == "per_second"]
    [one] = rates
    assert (one["demo"], one["base"], one["against"], one["rounds"]) == ("hello", "async", "def", 2)
    assert one["min"] <= one["median"] <= one["max"]


@pytest.fixture
def command(tmp_path):
    """Starts a command; nothing of it may be left."""
    started = []

    def start(*arguments: str, **more) -> Command:
        started.append(Command(tmp_path, *arguments, **more))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_ctrl_c_prints_what_there_is(command):
    run = command("compare", "hello", "--rounds", "50", "-n", "20")
    eventually(lambda: "3/100" in run.err.text)
    run.signal(2)
    assert run.status() == 130
    table = [line.split()[:2] for line in run.out.text.splitlines() if line]
    assert ["hello", "async"] in table
    assert table[2][0] == "def"
    assert run.err.text.startswith("1/100  round 1  hello async\n2/100  round 1  hello def\n")
    run.assert_nothing_left()


def test_a_server_that_fails_does_not_take_the_others_results_with_it(command):
    """THREADSCOPE_WORK of the environment is wrong for cpu, and hello does not look at it."""
    run = command(
        "compare", "cpu", "hello", "--rounds", "1", "-n", "4", env={"THREADSCOPE_WORK": "none"}
    )
    assert run.status() == 1
    assert "hello" in run.out.text
    assert "cpu" not in run.out.text
    assert "Error: cpu async could not be measured: the server exited with status 1" in run.err.text
    assert "Error: cpu def could not be measured: " in run.err.text
    assert "Traceback" not in run.err.text
    run.assert_nothing_left()


def test_markdown(command):
    run = command("compare", "hello", "--rounds", "1", "-n", "20", "--markdown")
    assert run.status() == 0
    rows = [line for line in run.out.text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert rows[2].startswith("| hello | async |")

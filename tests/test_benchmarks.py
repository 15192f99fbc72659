"""The benchmarks start, and judge given numbers rightly; nothing is measured here."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = (
    "probe_cost", "observer_effect", "monitor_cost", "monitor_scale", "load_fidelity",
    "recording_cost", "top_agrees", "sampler_cost", "startup", "scale",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _scripts_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a script is run: its folder is the first on the path."""
    monkeypatch.syspath_prepend(FOLDER)


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


def results(file: Path | None = None) -> Any:
    """What a script has that was called with `--json FILE`."""
    return load("common.results").Results(argparse.Namespace(json=file), "threadscope", "nothing")


@pytest.mark.integration
@pytest.mark.parametrize("script", SCRIPTS)
def test_help_says_what_is_measured(script: str) -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / f"{script}.py", "--help"], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "--rounds" in done.stdout
    assert "--quick" in done.stdout
    assert "Exits with 1 when" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_rounds_must_be_a_number(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{script}.py", "--rounds", "0"])

    with pytest.raises(SystemExit) as ended:
        load(script).main()

    assert ended.value.code == 2
    assert "'0' is not a whole number above 0" in capsys.readouterr().err


def test_every_script_in_the_folder_can_be_run_alone() -> None:
    # `make bench` runs them all: what is no script is in a folder of its own
    names = {path.stem for path in FOLDER.glob("*.py")}

    assert names == {*SCRIPTS, "lints_live", "soak"}


def test_a_table_is_aligned() -> None:
    table = load("common.table").table

    assert table(("what", "us"), [["plain", "36.0"], ["x", "4.1"]]) == [
        "what     us",
        "-----  ----",
        "plain  36.0",
        "x       4.1",
    ]


def test_comparison_is_within_each_round() -> None:
    common = load("common.table")
    # the machine got slower from round to round: medians apart would say 30 - 20
    rounds = [{"a": 11.0, "b": 10.0}, {"a": 22.0, "b": 20.0}, {"a": 30.0, "b": 40.0}]

    assert common.paired(rounds, "a", "b", lambda one, base: one - base) == 1.0
    assert common.paired(rounds, "a", "b", lambda one, base: one / base) == 1.1
    assert common.median(rounds, "a") == 22.0


def test_everyone_is_first_and_last_in_turn() -> None:
    turns = load("common.table").turns("abc", 6)

    assert all(sorted(order) == ["a", "b", "c"] for order in turns)
    assert {order[0] for order in turns} == {order[-1] for order in turns} == {"a", "b", "c"}


def test_verdict_fails_when_one_budget_is_missed() -> None:
    common = load("common.table")
    good, bad = common.Budget("fast", 5.0, 5.0, " us"), common.Budget("slow", 1.051, 1.05)

    assert common.verdict([good]) == (["within budget  fast: 5.00 us, at most 5 us"], 0)
    lines, status = common.verdict([good, bad])
    assert status == 1
    assert lines[1] == "OVER BUDGET    slow: 1.051, at most 1.05"


def test_what_was_shown_and_said_is_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, common = tmp_path / "x.json", load("common.table")
    found = results(file)
    found.show("two rounds", ("what", "us"), [["plain", "36.0"]])
    found.say("all pinned to CPU 1")
    slow = common.Budget("slow", 1.5, 1.0, " us", {"top": 0.2})

    assert found.judge([common.Budget("fast", 5.0, 5.0), slow]) == 1

    known = json.loads(file.read_text())
    assert known["tables"] == [
        {"title": "two rounds", "head": ["what", "us"], "rows": [{"what": "plain", "us": "36.0"}]}
    ]
    assert known["notes"] == ["all pinned to CPU 1"]
    assert [(one["what"], one["limit"], one["held"]) for one in known["budgets"]] == [
        ("fast", 5.0, True), ("slow", 1.0, False),
    ]  # fmt: skip
    assert known["budgets"][1]["beside"] == {"top": 0.2}
    assert list(known["versions"]) == ["threadscope"]
    assert known["error"] is None
    out = capsys.readouterr().out
    assert "plain  36.0\nall pinned to CPU 1\n" in out
    assert "OVER BUDGET    slow: 1.50 us, at most 1 us" in out


def test_a_failure_is_written_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.json"

    assert results(file).fail("no load came") == 1

    known = json.loads(file.read_text())
    assert (known["error"], known["budgets"]) == ("no load came", [])
    assert capsys.readouterr().err == "Error: no load came\n"


def test_a_missing_package_is_none() -> None:
    installed = load("common.table").installed

    assert installed("no-such-package-at-all") is None
    assert installed("pytest") == pytest.__version__


def test_a_missing_peer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    probe_cost = load("probe_cost")
    monkeypatch.setattr(probe_cost, "PEERS", ("no-such-package-at-all",))

    present, missing = probe_cost.configurations()

    assert present[:3] == [probe_cost.PLAIN, probe_cost.PROBE, probe_cost.DORMANT]
    assert present[3:] in ([], [probe_cost.PURE])
    assert missing == ["missing here: no-such-package-at-all (pip install 'threadscope[bench]')"]


def test_probe_cost_is_the_median_of_differences(capsys: pytest.CaptureFixture[str]) -> None:
    probe_cost = load("probe_cost")
    names = (probe_cost.PLAIN, probe_cost.PROBE, probe_cost.DORMANT, probe_cost.PROMETHEUS)
    rounds = [
        dict(zip(names, values, strict=True))
        for values in ((40.0, 44.0, 40.1, 73.0), (41.0, 45.5, 41.0, 75.0), (50.0, 54.2, 50.0, 90.0))
    ]

    budget = probe_cost.report(results(), "async", rounds, dict.fromkeys(names, 42.0))

    assert (round(budget.measured, 3), budget.limit, budget.held) == (4.2, 5.0, True)
    out = capsys.readouterr().out.splitlines()[3:]
    assert out[1] == "async def: 3 paired rounds"
    assert out[4].split() == ["plain", "41.0", "40.0", "42.0"]
    assert out[5].split() == ["threadscope", "45.5", "44.0", "42.0", "+4.20", "+4.00", "1.0", "x"]
    assert out[7].split()[1:] == ["75.0", "73.0", "42.0", "+34.00", "+33.00", "8.1", "x"]


def test_def_has_a_budget_of_its_own() -> None:
    probe_cost = load("probe_cost")
    names = (probe_cost.PLAIN, probe_cost.PROBE)
    rounds = [dict(zip(names, (120.0, 136.0), strict=True))]

    budget = probe_cost.report(results(), "def", rounds, dict.fromkeys(names, 130.0))

    assert (budget.measured, budget.limit, budget.held) == (16.0, 15.0, False)


def test_observer_effect_is_the_ratio_where_nothing_slowed_a_server_down() -> None:
    effect = load("observer_effect")
    slowed = [200.0] * 10  # half of the speed, and not in the same pieces
    paced = dict(
        zip(
            effect.NAMES,
            ([100.0] * 30 + slowed, [104.0] * 20 + slowed * 2, [100.0] * 40),
            strict=True,
        )
    )
    full = [dict(zip(effect.NAMES, (9000.0, 8100.0, 9000.0), strict=True))]

    budget = effect.budget([paced])

    assert (budget.measured, budget.limit, budget.held) == (1.04, 1.05, True)
    assert effect.rows(paced, paced, full)[1] == [
        "watched", "104.0", "1.040", "+4.0", "50 %", "104.0", "1.040", "8,100", "0.900",
    ]  # fmt: skip


def test_observer_effect_says_how_far_it_is_to_be_trusted() -> None:
    effect = load("observer_effect")
    sets = [
        dict(zip(effect.NAMES, ([100.0] * 20, [watched] * 20, [100.0] * 20), strict=True))
        for watched in (98.0, 108.0) * 8
    ]

    assert effect.budget(sets).measured == pytest.approx(1.03)
    assert 0.01 < effect.error(sets) < 0.015, "0.05 / the root of 16"


def test_observer_effect_sees_what_costs_each_request_some_percent() -> None:
    effect = load("observer_effect")
    plain = [100.0 + number % 7 for number in range(70)]
    pieces = dict(zip(effect.NAMES, (plain, [one * 1.08 for one in plain], plain), strict=True))

    assert not effect.budget([pieces]).held
    assert effect.error([pieces] * 3) == 0
    with pytest.raises(effect.Broken, match="too few"):
        effect.undisturbed(plain[:5])


def test_monitor_cost_judges_cpu_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    cost = load("monitor_cost")
    ours, peer, load_ = cost.Figures(), cost.Figures(), cost.Figures()
    ours.percent, ours.rss, ours.pss = [4.0, 3.0, 7.0], 121.0, 80.0
    peer.percent, peer.rss, peer.pss = [12.0, 12.5, 11.0], 6.0, 5.0
    load_.percent = [0.3]

    cpu, memory = cost.report(
        results(), "def", 7.0, {cost.MONITOR: ours, cost.PY_SPY: peer, "load": load_}
    )

    assert (cpu.measured, cpu.held) == (4.0, True)
    assert (memory.measured, memory.held) == (121.0, False)
    out = capsys.readouterr().out
    assert "--mode def, 120 x 36: 3 rounds of 7 s in turns" in out
    assert "the load process, --mode def: 0.3 % of a core" in out
    peers = next(line for line in out.splitlines() if line.startswith("py-spy top"))
    assert peers.split()[2:] == ["12.0", "11.0", "12.5", "3.0", "x", "6", "5"]


PERIOD = 250_000_000


def ticks(*begins_ms: float) -> list[tuple[int, ...]]:
    """Each brought a new picture, which showed what was 150 ms before."""
    return [(int(ms * 1e6), 1, int((ms - 150) * 1e6), 0, 120) for ms in begins_ms]


def test_an_update_is_late_from_when_it_was_due() -> None:
    scale = load("scale")
    seen = ticks(1000, 1250.4, 1530, 1750.2, 2000.1, 2250)
    writes = [int(tick[0] + 10e6) for tick in seen]

    late = scale.lateness(seen, writes, [tick[0] for tick in seen])

    assert [round(ms) for ms in late] == [10, 10, 40, 10, 10]


def test_an_update_that_brought_nothing_came_with_the_next() -> None:
    scale = load("scale")
    seen = ticks(1000, 1250, 1500, 1750, 2000, 2250)
    due = [tick[0] for tick in seen]
    seen[2] = (seen[2][0], 0, *seen[2][2:])
    looked_again = (int(1540e6), 1, int(1400e6), 0, 120)

    assert [round(ms) for ms in scale.lateness(seen, [], due)] == [0, 0, 250, 0, 0]
    seen.insert(3, looked_again)
    assert [round(ms) for ms in scale.lateness(seen, [], due)] == [0, 0, 40, 0, 0]


def test_scale_judges_each_size_and_memory() -> None:
    scale = load("scale")
    case = load("common.scale_cases").CASES["threads"]
    small = scale.Window("120 x 36", 80, 140.0, 99.0, 260.0, 20.0)
    seen = scale.Seen([small, small._replace(size="200 x 50", p99=101.0)], 999, 121.0, 0)

    held = [budget.held for budget in scale.budgets(case, seen)]

    assert held == [True, False, False, False]
    assert len(scale.rows(case, seen)) == 2
    assert {len(row) for row in scale.rows(case, seen)} == {len(scale.HEAD)}


def test_scale_names_its_cases() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "scale.py", "nothing"], capture_output=True, text=True
    )

    assert done.returncode == 2
    assert "no such case: nothing; there are threads, processes" in done.stderr

"""docs/performance.md is made from benchmarks/results/*.json, and from nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS, RESULTS = ROOT / "scripts", ROOT / "benchmarks" / "results"
RESULT = {
    "script": "startup",
    "date": "2026-11-22T03:01:12+00:00",
    "quick": False,
    "host": {
        "platform": "Linux-6", "cpu": "a CPU", "cpus": 2, "load_average": 0.1, "beside": "",
        "python": "CPython 3.11.7",
    },
    "versions": {"click": "8.5.1"},
    "notes": ["a note"],
    "tables": [{"title": "3 rounds", "head": ["s", "least"], "rows": [{"s": "x", "least": "1"}]}],
    "budgets": [
        {"what": "a", "measured": 5.0, "limit": 5, "unit": " us", "beside": {}, "held": True},
        {"what": "b", "measured": 1.0514, "limit": 1.05, "unit": "", "beside": {}, "held": False},
    ],
    "error": None,
    "seconds": 3,
}  # fmt: skip


@pytest.fixture
def performance(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import performance

    return performance


@pytest.fixture
def lines(performance: Any) -> Any:
    """The page from some results."""
    return lambda *results: performance.page(list(results), ROOT / "benchmarks")


def test_the_page_is_what_the_files_say(performance: Any, tmp_path: Path) -> None:
    performance.write(RESULTS, tmp_path / "again.md")

    assert (tmp_path / "again.md").read_text() == performance.PAGE.read_text()


def test_the_table_in_the_readme_is_what_the_files_say(performance: Any, tmp_path: Path) -> None:
    again = tmp_path / "README.md"
    again.write_text(performance.README.read_text().replace(" µs", " eons"))
    performance.write_costs(RESULTS, again)

    assert again.read_text() == performance.README.read_text(), "performance.py --again"
    assert " µs" in again.read_text()


def test_what_failed_has_no_row_in_the_readme(performance: Any) -> None:
    results = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    results["monitor_cost"] = {**RESULT, "script": "monitor_cost", "error": "no server"}
    del results["startup"]

    said = "\n".join(performance.costs(results))
    assert "in process" in said
    assert "screen" not in said


def test_no_figure_on_the_page_is_of_a_quick_run() -> None:
    found = [json.loads(path.read_text()) for path in RESULTS.glob("*.json")]

    assert [one["script"] for one in found if one.get("quick")] == []


def test_every_benchmark_is_run_or_named_as_one_that_is_not(performance: Any) -> None:
    there = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}

    assert {*performance.scripts(), *performance.APART} == there
    assert performance.scripts()[:2] == ["probe_cost", "observer_effect"]


def test_a_budget_says_whether_it_was_kept(lines: Any) -> None:
    page = lines(RESULT)

    assert "1 of 2 are kept; those in bold are not." in page
    assert "| a | ≤ 5 µs | 5 µs |  | `startup.py` |" in page
    assert "| b | ≤ 1.05 | **1.051** |  | `startup.py` |" in page


def test_peers_stand_beside_a_budget(lines: Any) -> None:
    budget = {**RESULT["budgets"][0], "beside": {"psutil": 16.04, "top": 3.0}}

    assert "| a | ≤ 5 µs | 5 µs | psutil 16.0 µs, top 3 µs | `startup.py` |" in lines(
        {**RESULT, "budgets": [budget]}
    )


def test_host_versions_and_day_are_named(lines: Any) -> None:
    page = lines(RESULT)

    assert "- 2026-11-22, a CPU, 2 cores, Linux-6" in page
    assert "- CPython 3.11.7, click 8.5.1" in page
    assert not [line for line in page if "busy" in line]


def test_scripts_of_another_day_are_told_apart(lines: Any) -> None:
    busy = {**RESULT["host"], "beside": "the machine is 50 % busy"}
    other = {**RESULT, "script": "probe_cost", "date": "2026-11-23T00:00:00+00:00", "host": busy}
    page = lines(RESULT, other)

    assert "- 2026-11-22, a CPU, 2 cores, Linux-6: `startup`" in page
    assert "- 2026-11-23, a CPU, 2 cores, Linux-6: `probe_cost`" in page
    assert "- the machine was busy with other things when `probe_cost.py` began" in page


def test_a_section_says_what_is_measured_and_shows_it(lines: Any) -> None:
    page = lines(RESULT)

    text = "\n".join(page)
    assert "## How long does one wait for it?" in text
    assert "`threadscope --help` is run in turns" in text
    assert "Exits with 1" not in text
    assert page[-7:] == [
        "3 rounds:", "", "| s | least |", "| --- | ---: |", "| x | 1 |", "", "- a note",
    ]  # fmt: skip


def test_what_failed_is_said(lines: Any) -> None:
    failed = {"script": "startup", "date": "2026-11-22T03:01:12+00:00", "error": "no request"}
    page = lines({**RESULT, "script": "probe_cost"}, failed)

    assert page[-3:] == ["## Not measured", "", "- `startup.py`, 2026-11-22: no request"]


def test_without_a_measurement_the_page_says_so(performance: Any, lines: Any) -> None:
    assert lines()[-1].startswith("Nothing was measured yet")


def test_a_script_that_breaks_leaves_its_reason(
    performance: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit(3)")
    (tmp_path / "hangs.py").write_text("import time\ntime.sleep(3600)")
    (tmp_path / "other.py").write_text("import sys\nopen(sys.argv[2], 'w').write('{}')")
    monkeypatch.setattr(performance, "BENCHMARKS", tmp_path)
    old = tmp_path / "broken.json"
    old.write_text(json.dumps(RESULT))

    assert performance.measure(["broken"], tmp_path, quick=False) == ["broken ended with status 3"]
    assert json.loads(old.read_text())["error"] == "it ended with status 3 and wrote nothing"
    assert performance.measure(["other"], tmp_path, quick=False) == ["other ended with status 1"]
    assert "not of the form" in json.loads((tmp_path / "other.json").read_text())["error"]
    monkeypatch.setattr(performance, "LIMIT_S", 0.1)
    assert performance.measure(["hangs"], tmp_path, quick=False) == ["hangs ended with status 1"]
    hangs = json.loads((tmp_path / "hangs.json").read_text())
    assert hangs["error"] == "it was still running after 0 s"


def test_from_the_files_alone(tmp_path: Path) -> None:
    """As `--again` does, in a copy of the folders."""
    for folder in ("scripts", "benchmarks/results", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    sources = [*SCRIPTS.glob("*.py"), *(ROOT / "benchmarks").glob("*.py"), ROOT / "README.md"]
    for path in sources:
        (tmp_path / path.relative_to(ROOT)).write_text(path.read_text())
    file = tmp_path / "benchmarks" / "results" / "startup.json"
    file.write_text(json.dumps(RESULT))
    script = str(tmp_path / "scripts" / "performance.py")

    subprocess.run([sys.executable, script, "--again"], check=True, capture_output=True)

    assert "| a | ≤ 5 µs | 5 µs |" in (tmp_path / "docs" / "performance.md").read_text()

"""docs/experiments.md is made from docs/experiments.json, and from nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.test_report_rounds import bursts, trials
from threadscope.report.document import compared
from threadscope.targets.demo_list import DEMOS

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "scripts"


@pytest.fixture
def page(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import experiments

    return experiments


def test_the_page_is_what_the_data_say(page):
    data = json.loads(page.DATA.read_text())
    assert page.DOCUMENT.read_text() == "\n".join(page.document(data)) + "\n"


def test_each_experiment_has_its_section_and_was_measured(page):
    data = json.loads(page.DATA.read_text())
    measured = {(phase["demo"], phase["variant"]) for phase in data["phases"]}
    shown = {one.demo for one in page.EXPERIMENTS}
    assert measured == {(name, way.variant.key) for name in shown for way in DEMOS[name].variants}
    text = page.DOCUMENT.read_text()
    for name in shown:
        assert f"`threadscope demo {name}`" in text
    for fact in (data["about"]["cpu"], data["about"]["date"], data["about"]["host"]["python"]):
        assert fact in text


def test_a_section_from_a_report(page):
    report = compared(trials([100, 110, 105], [50, 44, 63]))
    data = page.slim(report)
    [hello] = [one for one in page.EXPERIMENTS if one.demo == "hello"]
    lines = page.section(hello, data["phases"], data["comparisons"])
    assert "| requests a second | 105 | 50.0 |" in lines
    assert "| behaviour | SEQUENTIAL | SEQUENTIAL |" in lines
    assert "- `def` has 0.50 times the requests a second of `async` (0.40 to 0.60)." in lines


def test_bursts_from_a_report(page):
    data = page.slim(compared(bursts()))
    lines = page.bursts(data["phases"])
    assert lines[0] == "|  | 40 at once | 80 at once |"
    assert "| `def`, seconds | 2.01 s | 4.01 s |" in lines
    assert "| `async`, threads that answered | 1 | 1 |" in lines


def test_from_a_file(tmp_path):
    """As `make experiments FROM=all.json` does, in a copy of the folders."""
    for name in ("scripts", "docs"):
        (tmp_path / name).mkdir()
    for script in SCRIPTS.glob("experiments*.py"):
        (tmp_path / "scripts" / script.name).write_text(script.read_text())
    data = json.loads((ROOT / "docs" / "experiments.json").read_text())
    (tmp_path / "docs" / "experiments.json").write_text(json.dumps(data))
    script = str(tmp_path / "scripts" / "experiments.py")
    subprocess.run([sys.executable, script, "--again"], check=True, capture_output=True)
    again = (tmp_path / "docs" / "experiments.md").read_text()
    assert again == (ROOT / "docs" / "experiments.md").read_text()

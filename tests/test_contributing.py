"""What CONTRIBUTING.md shows works as it stands there."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

from tests.demo_apps.asking import ask
from threadscope.lints.catalog import LINTS
from threadscope.targets.demo_list import demos

TEXT = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^ *```python\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(title):
    """The Python that is shown below a heading."""
    _, found, text = TEXT.partition(f"\n## {title}\n")
    assert found
    return [textwrap.dedent(block) for block in BLOCK.findall(text.partition("\n## ")[0])]


def module(name, source):
    made = ModuleType(name)
    exec(compile(source, f"{name}.py", "exec"), made.__dict__)
    return made


def run_tests(source):
    found = [value for name, value in vars(module("shown", source)).items() if "test_" in name]
    assert found
    for test in found:
        test()


def test_a_lint_and_its_test(monkeypatch):
    rule, test = blocks("Add a lint")
    monkeypatch.setitem(LINTS, "slow-hops", module("slow", rule).SLOW_HOPS)
    run_tests(test)


def test_a_panel_and_its_test(monkeypatch):
    panel, test = blocks("Add a panel")
    name = "threadscope.tui.clock"
    monkeypatch.setitem(sys.modules, name, module(name, panel))
    run_tests(test)


def test_a_demo_is_one_file(tmp_path):
    [app] = blocks("Add a demo")
    (tmp_path / "morning.py").write_text(app)
    [demo] = demos(tmp_path).values()
    assert (demo.name, demo.clients, demo.work) == ("morning", 20, "")
    answers = ask("morning", *(way.path for way in demo.variants), folder=tmp_path)
    assert answers == ["Good morning!", "Good morning!"]

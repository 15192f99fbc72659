"""The app alone: as somebody who reads and runs the file has it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

from threadscope.targets.demo_list import demo_folder

pytestmark = pytest.mark.integration

FILE = demo_folder() / "cpu.py"


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(FILE.parent), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_number_it_finds_one():
    done = run("import cpu; print(type(cpu.WORK).__name__, cpu.WORK)")
    first, second = done.stdout.splitlines()
    kind, work = second.split()
    assert kind == "int"
    assert int(work) > 100_000
    assert first == f"a request is {int(work):,} additions, about 300 ms of CPU here"


def test_it_takes_the_number_that_it_is_given():
    done = run("import cpu; print(cpu.WORK)", THREADSCOPE_WORK="12345")
    assert done.stdout.splitlines() == [
        "a request is 12,345 additions, as THREADSCOPE_WORK says",
        "12345",
    ]


def test_a_wrong_number_is_one_line():
    for wrong in ("many", "-5", "0", "1.5", "²"):
        done = run("import cpu", THREADSCOPE_WORK=wrong)
        assert done.returncode == 1
        assert done.stderr == f"THREADSCOPE_WORK is a number of additions, not {wrong!r}\n"


def test_both_endpoints_do_the_same_work():
    tree = ast.parse(FILE.read_text())
    functions = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    by_async, by_def = functions["cpu_async"], functions["cpu_def"]
    assert isinstance(by_async, ast.AsyncFunctionDef)
    assert isinstance(by_def, ast.FunctionDef)
    assert [ast.dump(node) for node in by_async.body] == [ast.dump(node) for node in by_def.body]


def test_it_is_plain_fastapi():
    tree = ast.parse(FILE.read_text())
    modules = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert modules == {"os", "threading", "time", "fastapi"}
    assert inspect.cleandoc(ast.get_docstring(tree) or "").count("\n") > 5

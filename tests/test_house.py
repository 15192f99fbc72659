"""The house rules that a program can look after (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("benchmarks", "demo_apps", "scripts", "tests", "threadscope")
SOURCES = sorted((ROOT / "threadscope").rglob("*.[ch]"))
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]

MOST_LINES = 400
LONGER_FILES: dict[str, str] = {}
"""Files that are longer, and why each cannot be two."""
MOST_OF_A_FUNCTION = 60
LONGER_FUNCTIONS = {
    "threadscope/probe/steps.py": "closures: what a request needs is nearer to hand than in self",
    "threadscope/probe/requests.py": "the same, and one class of its own for each process",
    "threadscope/model/aggregator.py": "a snapshot, field by field",
}
"""Files with longer ones, and why."""


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def without_docstring(function):
    first = function.body[0]
    said = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.body[1:] if said else function.body


def code_lines(function):
    body = without_docstring(function)
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def name(path):
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_long_without_a_reason():
    files = [*FILES, *SOURCES]
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(lengths) > 300
    assert {path for path, lines in lengths.items() if lines > MOST_LINES} == set(LONGER_FILES)


def test_functions_fit_a_screen():
    long = {
        name(path)
        for path in FILES
        if any(code_lines(function) > MOST_OF_A_FUNCTION for function in functions(path))
    }
    assert long == set(LONGER_FUNCTIONS)


def test_no_function_is_there_twice():
    """In the same words, that is; a line or two count for nothing."""
    found = defaultdict(list)
    for path in FILES:
        if path.is_relative_to(ROOT / "demo_apps"):
            continue  # each of them is to be read, and copied, alone
        for function in functions(path):
            words = "\n".join(map(ast.unparse, without_docstring(function)))
            if len(words) > 100:
                found[words].append(f"{name(path)}: {function.name}")
    assert [places for places in found.values() if len(places) > 1] == []


def test_test_files_have_names_of_their_own():
    """Pytest takes two of one name for the same module where folders are no packages."""
    found = [path.name for path in FILES if path.name.startswith("test_")]
    assert len(set(found)) == len(found)

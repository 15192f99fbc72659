"""Each app alone: what it answers, and on which thread."""

from __future__ import annotations

import ast
import importlib.util
import sys

import pytest

from tests.demo_apps.asking import ask
from threadscope.targets.demo_list import DEMOS, demo_folder

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("module", "paths", "answers"),
    [
        ("hello", ("/hello/async", "/hello/def"), ["Hello, world!"] * 2),
        ("loop", ("/loop/async", "/loop/def"), [1234, 1234]),
        ("blocking", ("/blocking/await", "/blocking/def", "/blocking/mistake"),
         ["awaited", "slept on a worker thread", "slept on the event loop"]),
        ("fairness", ("/fairness/async", "/fairness/def", "/health"), [1234, 1234, "ok"]),
        ("pool", ("/pool/shared", "/pool/own", "/pool/quick"), ["slow", "slow", "quick"]),
    ],
)  # fmt: skip
def test_answers(module, paths, answers):
    work = "1234" if module in ("loop", "fairness") else "1"
    assert ask(module, *paths, work=work) == answers


def test_both_ways_to_hash_give_the_same():
    first, second = ask("native", "/native/async", "/native/def")
    assert first == second
    assert len(first) == 64


def test_the_answers_of_io_name_the_thread():
    on_loop, on_worker = ask("io_bound", "/io/async", "/io/def")
    assert on_loop["thread"] == "MainThread"
    assert on_worker["thread"] == "AnyIO worker thread"
    assert on_loop["ident"] != on_worker["ident"]


def test_the_answers_of_workers_name_the_process():
    first, second = ask("workers", "/workers/async", "/workers/def", work="5")
    assert first == second
    assert first["total"] == 5


@pytest.mark.parametrize("name", DEMOS)
def test_an_app_is_one_file_of_its_own_and_says_what_to_look_for(name):
    module = DEMOS[name].app.partition(":")[0]
    source = (demo_folder() / f"{module}.py").read_text()
    tree = ast.parse(source)
    text = ast.get_docstring(tree)
    assert f"uvicorn demo_apps.{module}:app" in text
    assert all(way.route in text for way in DEMOS[name].variants)
    assert "ook at " in text
    if DEMOS[name].work:
        assert "THREADSCOPE_WORK" in text
    assert len(source.splitlines()) < 100


def test_no_app_hides_a_module_of_the_standard_library():
    names = {demo.app.partition(":")[0] for demo in DEMOS.values()}
    assert names.isdisjoint(sys.stdlib_module_names)
    assert all(importlib.util.find_spec(name) is None for name in names - {"tests"})

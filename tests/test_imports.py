"""Which module may import which: by the import graph, and by what a fresh interpreter loads."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import threadscope
from threadscope.targets.demo_list import demo_folder

PACKAGE = Path(threadscope.__file__).parent

ALLOWED = {
    "model": {"model"},
    "probe": {"probe"},
    "lints": {"lints", "model"},
    "sampling": {"sampling", "model"},
    "rings": {"rings", "model", "probe.layout", "probe.folders"},
    "load": {"load", "model", "probe.layout", "probe.ring"},
    "targets": {"targets", "model", "rings", "probe", "probe.folders"},
    "recording": {"recording", "model"},
    "report": {"report", "model"},
    "tui": {"tui", "model", "report.units", "report.compare"},
}
"""Package, and what of ours it may import besides the version: packages, or modules of them."""
ONLY_ITS_NAME = {("targets", "probe")}
"""A package that is imported for where it lies, and for nothing in it."""
WHO_IMPORTS_THE_SCREEN = {"run"}
AT_HELP = {
    "check", "cli", "cli_recording", "commands", "lint_options", "options", "signals", "usage",
}  # fmt: skip
"""What `--help` needs: the commands and their options."""


def name_of(path):
    """`.../threadscope/rings/reader.py` as `threadscope.rings.reader`."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path, *, types=True):
    """Full names of our modules that a file imports, anywhere in it.

    Args:
        path: the file.
        types: those that only the type checker imports as well.
    """
    module = name_of(path).split(".") + [""] * (path.name == "__init__.py")
    skipped = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not types:
            skipped.update(map(id, node.body))
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = module[: -node.level] if node.level else []
            start = ".".join([*base, *filter(None, (node.module or "").split("."))])
            names = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "threadscope":
                yield name if name in MODULES else name.rpartition(".")[0]


def parts_of(name):
    """`threadscope.rings.reader` as `rings` and `rings.reader`; empty for the package itself."""
    below = name.split(".")[1:]
    return (below[0], ".".join(below[:2])) if below else ("", "")


@functools.cache
def graph():
    return {name: sorted(set(imported(path))) for name, path in MODULES.items()}


def test_the_graph_is_not_empty():
    edges = {(parts_of(name)[0], parts_of(other)[0]) for name in graph() for other in graph()[name]}
    expected = {("rings", "probe"), ("model", "model"), ("tui", "model"), ("run", "tui")}
    assert expected | {("recording", "model"), ("lints", "model"), ("observer", "rings")} <= edges
    assert all(other in MODULES for others in graph().values() for other in others)


def test_every_package_has_a_rule():
    found = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert found == set(ALLOWED)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may(package):
    for name, others in graph().items():
        if parts_of(name)[0] != package:
            continue
        for of, module in filter(any, map(parts_of, others)):
            assert {of, module} & ALLOWED[package], f"{name} imports {module}"
            assert module != of or of == package or (package, of) in ONLY_ITS_NAME


def test_imports_point_one_way():
    """Those in functions count; those for the type checker alone do not."""
    graph = {name: set(imported(path, types=False)) for name, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())  # an error names the cycle
    assert order.index("threadscope.model.aggregator") < order.index("threadscope.observer")
    assert order.index("threadscope.observer") < order.index("threadscope.session")
    assert order.index("threadscope.session") < order.index("threadscope.cli")


def test_only_one_module_imports_the_screen():
    importing = {
        parts_of(name)[0]
        for name, others in graph().items()
        if any(parts_of(other)[0] == "tui" for other in others)
    }
    assert importing == {"tui"} | WHO_IMPORTS_THE_SCREEN


def test_demo_apps_are_plain_applications():
    """Whoever copies one needs FastAPI and AnyIO, and nothing of ours."""
    for path in demo_folder().glob("*.py"):
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name} imports a neighbour"
                found.add((node.module or "").partition(".")[0])
        foreign = found - set(sys.stdlib_module_names)
        assert foreign <= {"fastapi", "anyio"}, path.name


def loaded_by(code, *options):
    """The modules that a fresh interpreter has loaded after some code."""
    code = f"import atexit, sys\natexit.register(lambda: print(*sorted(sys.modules)))\n{code}"
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stdout.splitlines()[-1].split())


def ours(modules):
    return {name.split(".")[1] for name in modules if name.startswith("threadscope.")}


def foreign(modules):
    """Neither the standard library's nor what an installation puts in to find its packages."""
    tops = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    return {name for name in tops if not name.startswith(("_", "sitecustomize"))} - {"threadscope"}


@pytest.mark.integration
def test_a_session_loads_no_screen():
    loaded = loaded_by("import threadscope.session")
    assert not [name for name in loaded if name.partition(".")[0] == "textual"]
    assert "tui" not in ours(loaded)
    assert "threadscope.model.aggregator" in loaded


@pytest.mark.integration
def test_help_loads_the_commands_and_nothing_else():
    ask = "sys.argv = ['threadscope', '--help']\nfrom threadscope.cli import main\nmain()"
    loaded = loaded_by(ask)
    assert ours(loaded) == AT_HELP
    assert foreign(loaded) == {"click"}
    assert "asyncio" not in loaded


@pytest.mark.integration
@pytest.mark.parametrize("package", ["model", "probe"])
def test_model_and_probe_load_only_themselves_and_the_standard_library(package):
    modules = [name for name in MODULES if name.split(".")[1:2] == [package]]
    modules = [name for name in modules if not {"__main__", "startup"} & set(name.split("."))]
    search = f"sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
    loaded = loaded_by(search + f"import {', '.join(modules)}", "-I", "-S")
    assert ours(loaded) == {package}
    assert foreign(loaded) == set()


@pytest.mark.integration
def test_the_screen_loads_no_session():
    loaded = loaded_by("import threadscope.tui.app")
    assert not ours(loaded) & {"session", "load", "targets", "sampling", "rings", "probe"}

"""Which package may import which: by the import graph, and by what a fresh interpreter loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import threadscope

PACKAGE = Path(threadscope.__file__).parent

ALLOWED = {
    "model": {"model"},
    "probe": {"probe"},
    "lints": {"lints", "model"},
    "sampling": {"sampling", "model"},
    "rings": {"rings", "model", "probe", "probe.layout", "probe.ring"},
    "load": {"load", "model", "probe.layout", "probe.ring"},
    "targets": {"targets", "model", "rings", "probe", "probe.folders"},
    "recording": {"recording", "model"},
    "report": {"report", "model"},
    "tui": {"tui", "model", "report.units", "report.compare"},
}
"""Package, and what of ours it may import: packages, or single modules of them."""
MAY_IMPORT_THE_SCREEN = {"tui", "run", "cli"}


def parts_of(name):
    """`threadscope.rings.reader` as `rings` and `rings.reader`; empty for the package itself."""
    below = name.split(".")[1:]
    return (below[0], ".".join(below[:2])) if below else ("", "")


def imports(path):
    """Full names of our modules that a file imports, anywhere in it."""
    module = ["threadscope", *path.relative_to(PACKAGE).with_suffix("").parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = module[: -node.level] if node.level else []
            start = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            names = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == "threadscope")


def files():
    return sorted(PACKAGE.rglob("*.py"))


GRAPH = {path: sorted(set(imports(path))) for path in files()}


def test_the_graph_is_not_empty():
    edges = {(parts_of(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))[0],
              parts_of(name)[0]) for path, names in GRAPH.items() for name in names}  # fmt: skip
    assert {("rings", "probe"), ("model", "model"), ("tui", "model"), ("run", "tui")} <= edges


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may(package):
    for path, names in GRAPH.items():
        if path.relative_to(PACKAGE).parts[0] != package:
            continue
        for name in names:
            of, module = parts_of(name)
            assert not of or of in ALLOWED[package] or module in ALLOWED[package], (
                f"{path.name} imports {name}"
            )


def test_only_the_command_line_imports_the_screen():
    for path, names in GRAPH.items():
        owner = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if owner not in MAY_IMPORT_THE_SCREEN:
            assert not [name for name in names if parts_of(name)[0] == "tui"], path.name


def test_every_package_has_a_rule():
    found = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert found <= set(ALLOWED)


def loaded_by(code, *options):
    """The modules that a fresh interpreter has loaded after some code."""
    code += "\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stdout.split())


def ours(modules):
    return {name.split(".")[1] for name in modules if name.startswith("threadscope.")}


@pytest.mark.integration
def test_a_session_loads_no_screen():
    loaded = loaded_by("import threadscope.session")
    assert not [name for name in loaded if name.partition(".")[0] == "textual"]
    assert "tui" not in ours(loaded)
    assert "aggregator" in {name.rpartition(".")[2] for name in loaded}


@pytest.mark.integration
def test_the_command_line_loads_nothing_before_it_is_asked():
    loaded = {name.partition(".")[0] for name in loaded_by("import threadscope.cli")}
    assert not loaded & {"textual", "aiohttp", "psutil", "fastapi", "uvicorn", "asyncio"}


@pytest.mark.integration
@pytest.mark.parametrize("package", ["model", "probe"])
def test_model_and_probe_load_only_themselves_and_the_standard_library(package):
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in (PACKAGE / package).glob("*.py")
        if path.stem != "__init__"
    ]
    search = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
    loaded = loaded_by(search + f"import {', '.join(modules)}", "-I", "-S")
    assert ours(loaded) == {package}
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    known = {name for name in foreign if name.startswith(("__", "_sysconfigdata"))}
    assert foreign - known == {"threadscope"}


@pytest.mark.integration
def test_the_screen_loads_no_session():
    loaded = loaded_by("import threadscope.tui.app")
    assert not ours(loaded) & {"session", "load", "targets", "sampling", "rings", "probe"}

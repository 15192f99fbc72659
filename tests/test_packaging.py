"""What is in the wheel: built from this checkout, as `pip` builds it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from threadscope.probe import compiled

ROOT = Path(__file__).parent.parent
COMPILED = "threadscope/probe/_native.abi3.so"
PACKAGE = ROOT / "threadscope"

pytestmark = pytest.mark.integration


def build(folder: Path) -> Path:
    """The wheel; with the build backend that is installed, else with one from the registry."""
    try:
        import hatchling  # noqa: F401  (only whether it is there)
    except ImportError:
        isolation = []
    else:
        isolation = ["--no-build-isolation"]
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *isolation]
    done = subprocess.run(
        [*pip, "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True, check=False
    )
    if done.returncode and not isolation and "hatchling" in done.stderr:
        pytest.skip("needs hatchling: installed, or from a package registry")
    assert done.returncode == 0, done.stderr
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    with zipfile.ZipFile(build(tmp_path_factory.mktemp("wheel"))) as wheel:
        yield wheel


def files(folder: Path) -> set[str]:
    """The sources in a folder of the checkout, by their names relative to it."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_package_is_whole(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {f"threadscope/{name}" for name in files(PACKAGE)}
    wanted |= {f"threadscope/_demo_apps/{name}" for name in files(ROOT / "demo_apps")}
    wanted = {name for name in wanted if not name.startswith("threadscope/probe/native/")}
    assert names - {COMPILED} == wanted - {COMPILED}
    assert (COMPILED in names) == (compiled.load() is not None), "where there is a C compiler"


def test_what_no_import_would_miss_is_there(wheel):
    names = set(wheel.namelist())
    assert {"threadscope/py.typed", "threadscope/_demo_apps/cpu.py"} <= names
    assert any(name.startswith("threadscope/probe/") for name in names)
    styles = {f"threadscope/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*.tcss")}
    assert styles <= names
    startup = {f"threadscope/{p.relative_to(PACKAGE)}" for p in PACKAGE.rglob("sitecustomize.py")}
    assert startup <= names


def test_the_wheel_brings_its_command_and_its_licence(wheel):
    names = wheel.namelist()
    [entry_points] = [name for name in names if name.endswith("entry_points.txt")]
    assert b"threadscope = threadscope.cli:main" in wheel.read(entry_points)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_demos_of_an_installed_wheel_are_found(wheel, tmp_path):
    wheel.extractall(tmp_path)
    code = "from threadscope.targets.demo_list import demo_folder; print(demo_folder())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "threadscope" / "_demo_apps")

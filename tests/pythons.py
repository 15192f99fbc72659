"""Other Pythons than the one that runs the tests, and what can be imported in them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PURE = ("uvicorn", "h11", "click", "starlette", "anyio", "idna", "typing_extensions", "sniffio")
"""A server and a framework without a line of C: any Python runs our own copies of them."""


def other_python(version: str) -> str:
    """A Python of that version; `THREADSCOPE_TEST_PYTHONS` may name folders with more of them."""
    folders = os.environ.get("THREADSCOPE_TEST_PYTHONS", "")
    found = shutil.which(f"python{version}", path=os.pathsep.join([folders, os.environ["PATH"]]))
    code = "import sys; print(sys.executable)"
    said = found and subprocess.run(
        [found, "-c", code], capture_output=True, text=True, check=False
    )
    if not said or said.returncode:
        pytest.skip(f"there is no python{version} on PATH or in THREADSCOPE_TEST_PYTHONS")
    return said.stdout.strip()


def pure_packages(folder: Path) -> Path:
    """A folder with links to the packages that every Python can import."""
    folder.mkdir()
    for name in PURE:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue  # newer AnyIO does without sniffio
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder

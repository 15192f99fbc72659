"""Compiles the probe's fast path into the wheel, where there is a C compiler.

Without one, or without Python's headers, the wheel is plain Python and the probe costs more.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES, BUILT = "threadscope/probe/native", "threadscope/probe/_native.abi3.so"


def compiled(root: Path, into: Path) -> Path:
    """The extension, for every CPython from 3.11 on (PEP 384).

    Args:
        root: of the checkout.
        into: an empty folder.
    """
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    sources = sorted(str(path) for path in (root / SOURCES).glob("*.c"))
    # what any compiler knows; -fno-plt: a call less through a cold cache line for each of Python's
    flags = ["-O2", "-g0", "-fvisibility=hidden", "-fno-plt"]
    extension = Extension("_native", sources, py_limited_api=True, extra_compile_args=flags)
    command = build_ext(Distribution({"name": "threadscope", "ext_modules": [extension]}))
    command.build_lib, command.build_temp = str(into), str(into / "temporary")
    command.ensure_finalized()
    command.run()
    return into / Path(BUILT).name


class CompileProbe(BuildHookInterface[Any]):
    """What hatchling calls before it makes a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the extension to the wheel; of an editable one, to the checkout."""
        without_gil = sysconfig.get_config_var("Py_GIL_DISABLED")
        if sys.platform != "linux" or sys.implementation.name != "cpython" or without_gil:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="threadscope-build-")
        root = Path(self.root)
        try:
            built = compiled(root, Path(self._folder.name))
            if version == "editable":
                (root / BUILT).unlink(missing_ok=True)  # one that is in use stays as it is
                (root / BUILT).write_bytes(built.read_bytes())
                return
        except Exception as error:  # whatever a strange machine lacks
            self.app.display_warning(f"the probe's fast path is left out: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = "cp311-abi3-" + sysconfig.get_platform().translate({45: "_", 46: "_"})
        build_data["force_include"][str(built)] = BUILT

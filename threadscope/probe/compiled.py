"""The compiled fast path, where it can be loaded; without it Python does all of it.

`native/` has its source, one file for every CPython from 3.11 on. It is built with the package
where there is a C compiler.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from . import layout

PURE_VARIABLE = "THREADSCOPE_PURE"
"""Set: the probe is Python only."""


def load() -> Any:
    """The module `_native`, or None: this Python cannot have it, or nobody wants it."""
    with_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    if sys.version_info < (3, 11) or not with_gil or os.environ.get(PURE_VARIABLE):
        return None
    try:
        native: Any = importlib.import_module("._native", __package__)
    except ImportError:  # not built, or for another kind of Python
        return None
    return native if native.RING_VERSION == layout.VERSION else None

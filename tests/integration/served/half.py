"""`plain` in several processes, of which only the first one lets its probe in."""

from __future__ import annotations

import os

from plain import app as app

try:
    os.mkdir(os.environ["COUNT_FILE"] + ".first")
except FileExistsError:
    os.environ.pop("THREADSCOPE_DIR", None)

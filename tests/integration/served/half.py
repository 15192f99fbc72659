"""`plain` in several processes, of which one lets its probe in, and none beside it."""

from __future__ import annotations

import fcntl
import os

from plain import app as app

_probed = open(os.environ["COUNT_FILE"] + ".probed", "w")  # noqa: SIM115  # locked until it ends
try:
    fcntl.flock(_probed, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    os.environ.pop("THREADSCOPE_DIR", None)

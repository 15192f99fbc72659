"""One look at a running server."""

from __future__ import annotations

import time

from threadscope.asking import Options
from threadscope.model.snapshot import Snapshot
from threadscope.session import Session
from threadscope.targets.attach import AttachTarget
from threadscope.targets.errors import TargetError

LOOK_S = 1.2
"""Two samples of each clock, a second apart, and the watermark behind them."""
PATIENCE_S = 5.0


def glance(server: str) -> Snapshot:
    """Watches a server for a second.

    Args:
        server: one of its processes, or its port, as in `4321` or `:8000`.

    Raises:
        TargetError: there is none, it is not for us, or it ended meanwhile.
        FolderError: there is no place for our own files.
    """
    target = AttachTarget(server)
    session = Session(target, (), Options(clients=1, seconds=LOOK_S))
    try:
        session.start()
        end = time.monotonic() + PATIENCE_S
        while not session.over and time.monotonic() < end:
            time.sleep(0.05)
        if session.failure is not None:
            raise session.failure
        if target.poll() is not None:
            raise TargetError("the server ended while it was looked at")
        snapshot = session.latest()
        assert snapshot is not None, "nothing was seen"
        return snapshot
    finally:
        session.close()

"""The stage of the screen: a terminal, or none; and what ends it from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from threadscope.keep import Keep
from threadscope.signals import Signals

if TYPE_CHECKING:
    from textual.app import App

LOOK_S = 0.2


class Linger:
    """Whether something has been true for a while: who looks has time to read."""

    def __init__(self, true: Callable[[], bool], seconds: float) -> None:
        self._true, self._seconds = true, seconds
        self._since: float | None = None

    def over(self) -> bool:
        """Whether it has."""
        if self._since is None and self._true():
            self._since = time.monotonic()
        return self._since is not None and time.monotonic() - self._since >= self._seconds


async def show(
    app: App[Any],
    keep: Keep,
    signals: Signals,
    over: Callable[[], bool],
    give_up: Callable[[], None],
) -> None:
    """Runs the app; a signal, or the end of what it shows, ends it as the key does."""
    loop, ended = asyncio.get_running_loop(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_S):
            if not keep.size and not os.isatty(0):  # hung up: Textual would wait for ever
                give_up()
                os._exit(128 + signal.SIGHUP)
            if (signals.number or over()) and app.is_running:
                loop.call_soon_threadsafe(app.exit)

    watcher = threading.Thread(target=watch, name="terminal watch", daemon=True)
    watcher.start()
    try:
        await app.run_async(size=keep.size)
    finally:
        ended.set()
        watcher.join()

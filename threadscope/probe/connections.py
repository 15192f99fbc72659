"""WebSockets: counted while they are open. They are connections, not requests that never end."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable
from typing import Any

from .layout import C_WEBSOCKETS
from .state import Loop, Probe

COUNTED: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "threadscope_websocket", default=False
)
"""The running code belongs to a connection that is counted already: an app inside an app."""


async def counted(call: Awaitable[Any], probe: Probe, loop: Loop) -> Any:
    """Awaits the app's call for a connection; the loop's own cell counts it."""
    words, at = probe.words, loop.at + C_WEBSOCKETS
    words[at] += 1
    COUNTED.set(True)
    try:
        return await call
    finally:
        COUNTED.set(False)
        if words[at]:
            words[at] -= 1

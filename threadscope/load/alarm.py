"""A timer as fine as the kernel's: an event loop's own are no finer than a millisecond."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable

SECOND = 1_000_000_000
TIMER_S = 0.001
ABSOLUTE = 1
"""TFD_TIMER_ABSTIME."""


def _timer_fd() -> int | None:
    """A timerfd on the monotonic clock; None where there is none. Python has them from 3.13 on."""
    if sys.platform != "linux":
        return None
    try:
        fd: int = ctypes.CDLL(None).timerfd_create(
            time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC
        )
    except (OSError, AttributeError):
        return None
    return fd if fd >= 0 else None


class Alarm:
    """Calls back at one moment at a time. A moment that is past already comes at once.

    Args:
        call: is called in the event loop.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._fd = _timer_fd()
        if self._fd is not None:
            self._set_time = ctypes.CDLL(None).timerfd_settime
            self._loop.add_reader(self._fd, self._ring)
        self.armed = False

    def set(self, at: int) -> None:
        """When to ring next, in place of what was set before; monotonic ns."""
        self.armed = True
        if self._fd is not None:
            # no repetition, and the moment; all zero would mean: never
            moment = (ctypes.c_long * 4)(0, 0, *divmod(max(at, 1), SECOND))
            self._set_time(self._fd, ABSOLUTE, moment, None)
            return
        if self._handle is not None:
            self._handle.cancel()
        wait = max((at - time.monotonic_ns()) / SECOND, TIMER_S)
        self._handle = self._loop.call_later(wait, self._ring)

    def close(self) -> None:
        """Never rings again."""
        self.armed = False
        if self._handle is not None:
            self._handle.cancel()
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _ring(self) -> None:
        if self._fd is not None:
            try:
                os.read(self._fd, 8)
            except BlockingIOError:  # it was set anew meanwhile
                return
        self.armed = False
        self._call()

"""The probe of this process: its ring, its threads' cells, what is known of its event loops.

Opened at first use and forgotten at a fork: each worker process has a ring of its own.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from . import layout as L
from .names import Names
from .ring import Cell, RingWriter

FOLDER_VARIABLE = "THREADSCOPE_DIR"
"""Where the rings go. Without it the probe does nothing at all."""

CURRENT: contextvars.ContextVar[Any] = contextvars.ContextVar("threadscope_request", default=None)
"""The request that the running code belongs to; follows into child tasks and worker threads."""

now = time.monotonic_ns


class Loop:
    """An event loop that serves requests, and its heartbeat."""

    __slots__ = ("beat_due", "cell", "generation")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.beat_due = 0
        self.generation = 0


class Probe:
    """All that one process's probe knows."""

    def __init__(self, ring: RingWriter) -> None:
        self.ring = ring
        self.words = ring.words
        self.put = ring.put
        self.names = Names(ring)
        self.next_request = itertools.count(1).__next__
        self.limiters: dict[int, Any] = {}
        self._local = threading.local()
        self.words[L.W_HEARTBEAT] = now()  # awake at first: who starts a server wants to see it

    def asleep(self, t: int) -> bool:
        """Whether no monitor was there for 5 s."""
        beat: int = self.words[L.W_HEARTBEAT]
        return t - beat > L.SLEEP_AFTER_NS

    def cell(self, role: int) -> Cell:
        """The cell of the running thread."""
        try:
            cell: Cell = self._local.cell
        except AttributeError:
            thread = threading.current_thread()
            cell = self._local.cell = self.ring.cell(
                threading.get_native_id(), threading.get_ident(), role, thread.name
            )
        return cell

    def loop(self) -> Loop:
        """What is known of the running thread's event loop."""
        try:
            loop: Loop = self._local.loop
        except AttributeError:
            cell = self.cell(L.ROLE_LOOP)
            self.words[cell.at + L.C_ROLE] |= L.ROLE_LOOP
            loop = self._local.loop = Loop(cell)
        return loop


on_open: list[Callable[[Probe], None]] = []
"""Called with each new probe; its watch starts so."""

_probe: Probe | None = None
_opening = threading.Lock()
_failed = False


def current() -> Probe | None:
    """This process's probe, opened at the first call; None when that is not possible."""
    return _probe if _probe is not None or _failed else _open()


def _open() -> Probe | None:
    global _probe, _failed
    folder = os.environ.get(FOLDER_VARIABLE)
    with _opening:
        if _probe is None and not _failed:
            try:
                if folder:
                    _probe = Probe(RingWriter(folder))
                    for callback in on_open:
                        callback(_probe)
            except Exception:  # no folder, no room: the app goes on without us
                pass
            _failed = _probe is None
        return _probe


def _forget() -> None:
    """After a fork: the ring belongs to the parent."""
    global _probe, _failed, _opening
    _probe, _failed, _opening = None, False, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""The probe of this process: its ring, its threads' cells, what is known of its event loops.

Opened at first use and forgotten at a fork: each worker process has a ring of its own.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from . import layout as L
from .names import Names
from .ring import Cell, RingWriter

FOLDER_VARIABLE = "THREADSCOPE_DIR"
"""Where the rings go. Without it the probe does nothing at all."""
DORMANT_VARIABLE = "THREADSCOPE_DORMANT"
"""Set: the probe sleeps until a monitor comes."""

CURRENT: contextvars.ContextVar[Any] = contextvars.ContextVar("threadscope_request", default=None)
"""The request that the running code belongs to; follows into child tasks and worker threads."""

now = time.monotonic_ns


class Loop:
    """An event loop that serves requests: its thread's cell, its heartbeat."""

    __slots__ = (
        "at", "beat_due", "books", "compiled", "cpu", "drive", "endpoints", "generation", "look_at",
        "next_end", "now", "pool_known", "probe", "read_again", "run_endpoint",
        "serve", "single", "tid", "what", "words",
    )  # fmt: skip

    def __init__(self, probe: Probe, cell: Cell) -> None:
        self.probe, self.words, self.endpoints = probe, probe.words, probe.endpoints
        self.single = probe.names.single
        self.at, self.now, self.tid = cell.at, cell.now, cell.tid
        self.what = cell.at + L.C_NOW_WHAT
        self.next_end = itertools.count(self.words[cell.at + L.C_ENDED] + 1).__next__
        self.cpu = time.thread_time_ns()
        """The thread's CPU clock when it was last read."""
        self.read_again = 0
        """From when on that is too old."""
        self.compiled: Any = None
        """What serves its requests, if that is compiled: see `compiled`."""
        self.beat_due = 0
        """No heartbeat by then: there is none, and a request starts it again."""
        self.look_at = 0
        """Until then somebody watches and the heart beats, as far as we know."""
        self.generation = 0
        self.pool_known = False
        """Whether its default limiter is."""
        self.books: Any = None
        """What is written of its requests: see `requests.books`."""
        self.serve: Any = None
        self.drive: Any = None
        """Run its requests, and coroutines of theirs: see `steps.driving`."""
        self.run_endpoint: Any = None
        """Runs their endpoints on worker threads, once the pool is known: see `hops.running`."""

    def look(self, t: int) -> bool:
        """Whether somebody watches; if so, its heart beats from now on."""
        probe = self.probe
        if probe.asleep(t):
            return False
        if t > self.beat_due:
            try:
                for callback in on_beat_due:
                    callback(probe, self, t)
            except Exception:
                probe.ring.error()
        self.believe(min(probe.awake_until, self.beat_due))
        return True

    def take_endpoints(self, run: Any) -> None:
        """Endpoints' hops go another way than those of other functions from now on.

        Args:
            run: does it, see `hops.running`; None: they go the same way.
        """
        self.run_endpoint = run
        if self.compiled is not None:
            self.compiled.pool_known = run is not None

    def believe(self, until: int) -> None:
        """Nobody needs to look again before; 0: the next request does."""
        self.look_at = until
        if self.compiled is not None:
            self.compiled.look_at = until


class Probe:
    """All that one process's probe knows."""

    def __init__(self, ring: RingWriter) -> None:
        self.ring = ring
        self.words, self.map = ring.words, ring.map
        self.put, self.pack, self.claim = ring.put, ring.pack, ring.claim
        self.slots, self.records_at, self.records = ring.slots, ring.records_at, ring.records
        self.free_slots = ring.free_open
        self.names = Names(ring)
        self.endpoints = self.names.endpoints
        self.next_request = itertools.count(1).__next__
        self.limiters: dict[int, Any] = {}
        """Threadpools whose tokens are sampled: see `watch.know_limiter`."""
        self.limiters_met: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        """Those that were used once."""
        self.local = threading.local()
        self.awake_until = 0
        """No need to look at the heartbeat again before."""
        if not os.environ.get(DORMANT_VARIABLE):
            self.words[L.W_HEARTBEAT] = now()  # awake: who starts a server wants to see it

    def asleep(self, t: int) -> bool:
        """Whether no monitor was there for 5 s."""
        if t > self.awake_until:
            self.awake_until = self.words[L.W_HEARTBEAT] + L.SLEEP_AFTER_NS
        return t > self.awake_until

    def cell(self, role: int) -> Cell:
        """The cell of the running thread."""
        try:
            cell: Cell = self.local.cell
        except AttributeError:
            thread = threading.current_thread()
            cell = self.local.cell = self.ring.cell(
                threading.get_native_id(), threading.get_ident(), role, thread.name
            )
        return cell

    def new_loop(self) -> Loop:
        """The running thread turns out to run an event loop."""
        cell = self.cell(L.ROLE_LOOP)
        self.words[cell.at + L.C_ROLE] |= L.ROLE_LOOP
        return Loop(self, cell)


on_beat_due: list[Callable[[Probe, Loop, int], None]] = []
"""Called with a loop that has no heartbeat, and the time."""
on_open: list[Callable[[Probe], None]] = []
"""Called with each new probe; its watch starts so."""

given_folder = ""
"""The same for a probe that came into a running process, whose environment is not ours."""
probe: Probe | None = None
_opening = threading.Lock()
_failed = False


def current() -> Probe | None:
    """This process's probe, opened at the first call; None when that is not possible."""
    return probe if probe is not None or _failed else _open()


def _open() -> Probe | None:
    global probe, _failed
    folder = given_folder or os.environ.get(FOLDER_VARIABLE)
    with _opening:
        if probe is None and not _failed:
            try:
                if folder:
                    probe = Probe(RingWriter(folder))
                    for callback in on_open:
                        callback(probe)
            except Exception:  # no folder, no room: the app goes on without us
                pass
            _failed = probe is None
        return probe


def _forget() -> None:
    """After a fork: the ring belongs to the parent."""
    global probe, _failed, _opening
    probe, _failed, _opening = None, False, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

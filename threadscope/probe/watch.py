"""The probe's own thread and the loops' heartbeats: lag, threadpools, stalls, thread names."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import sysconfig
import threading
import time
import weakref
from typing import Any

from . import layout as L
from .state import Loop, Probe

BEAT_NS = 100_000_000
"""Each wake-up of a heartbeat thread costs a busy thread some three switches: not more often."""
STALL_NS = 100_000_000
"""A step or hop this long is looked into; asyncio's own `slow_callback_duration`."""
MAX_LOOKS = 16
"""At one wake-up: each takes some 10 us, in which no other thread runs Python."""
MAX_PLACES = 300
"""Different ones that are written down: strings have 1,024 numbers, and routes come first."""
MAX_LIMITERS = 64
"""Threadpools of one process."""
NAMES_NS = 1_000_000_000
REPEAT_NS = 1_000_000_000
"""Unchanged tokens are said again this often, for monitors that come late."""

now = time.monotonic_ns
_LIBRARY = tuple(
    os.path.join(path, "")
    for path in {*sysconfig.get_paths().values(), os.path.dirname(os.path.abspath(__file__))}
    if path
)

_PACKAGES = os.sep + "site-packages" + os.sep
"""Other places for libraries: a second environment that the first one includes."""
_STEPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "steps.py")
_RUNNERS = ("_run", "_run_once", "asyncio_run", "run", "run_forever", "run_until_complete")
"""Functions of libraries in which an event loop runs; uvloop's own leave no frame."""
_beats: weakref.WeakValueDictionary[int, _Beat] = weakref.WeakValueDictionary()
"""The heartbeat of each event loop, by its thread; it is the loop that keeps it alive."""


def start_beat(probe: Probe, loop: Loop, t: int) -> None:
    """Starts (again) the heartbeat of the running event loop."""
    loop.generation += 1
    loop.beat_due = t + 10 * BEAT_NS
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:  # another kind of loop, without a heartbeat
        return
    module = type(running).__module__.partition(".")[0]
    probe.words[L.W_LOOP] = probe.ring.string(module)
    beat = _beats[loop.tid] = _Beat(probe, loop, running)
    beat.arm(t)


class _Beat:
    """One heartbeat; its lag is how late the loop was."""

    def __init__(self, probe: Probe, loop: Loop, running: asyncio.AbstractEventLoop) -> None:
        self.probe, self.loop, self.running = probe, loop, running
        self.generation = loop.generation
        self.due = 0

    def arm(self, t: int) -> None:
        self.due = t + BEAT_NS
        # ten beats of grace before a request takes the loop for one without a heartbeat
        self.loop.beat_due = self.due + 10 * BEAT_NS
        # an empty context: the request that happened to be first must not be kept alive
        self.running.call_later(BEAT_NS / 1e9, self.beat, context=contextvars.Context())

    def beat(self) -> None:
        t = now()
        if self.generation != self.loop.generation:
            return
        if self.probe.asleep(t):
            self.loop.beat_due = 0
            return
        lag = max(t - self.due, 0)
        self.probe.put(L.LAG, L.F_LAG_LOOP, 0, self.loop.tid, 0, t, lag)
        self.arm(t)


def know_limiter(probe: Probe, limiter: Any, name: str) -> None:
    """Takes note of a threadpool: its tokens are sampled from now on, as long as it lives.

    One of the app's own is a threadpool when it is used for the second time: FastAPI makes one for
    each request that a `def` dependency with a `yield` is cleaned up for.
    """
    number = id(limiter)
    known = probe.limiters.get(number)
    if known is not None and known.limiter() is limiter:
        return
    if name == "default" or probe.limiters_met.get(number) is limiter:
        if len(probe.limiters) < MAX_LIMITERS:
            probe.limiters[number] = _Limiter(limiter, name)
    else:
        probe.limiters_met[number] = limiter


class _Limiter:
    """One of AnyIO's limiters, which it must not keep alive, and what was last said of it."""

    def __init__(self, limiter: Any, name: str) -> None:
        self.limiter, self.name = weakref.ref(limiter), name
        self.said: tuple[int, int, int] | None = None
        self.said_at = 0

    def sample(self, probe: Probe, t: int, number: int) -> None:
        limiter = self.limiter()
        if limiter is None:
            probe.limiters.pop(number, None)
            return
        statistics = limiter.statistics()
        total = int(min(statistics.total_tokens, 0xFFFFFFFF))  # it may be infinite
        values = (total, statistics.borrowed_tokens, statistics.tasks_waiting)
        if values == self.said and t - self.said_at < REPEAT_NS:
            return
        self.said, self.said_at = values, t
        probe.put(L.LIMITER, 0, 0, 0, number, t, max(values[1], 0), total,
                  values[2], 0, probe.ring.string(self.name))  # fmt: skip


class Watch(threading.Thread):
    """Wakes ten times a second while a monitor is there, once a second otherwise."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(name="threadscope probe", daemon=True)
        self.probe = probe
        self._named_at = 0
        self._stalled: dict[int, int] = {}
        self._late: dict[int, int] = {}
        self._places: set[str] = set()

    def run(self) -> None:
        """Until the process ends."""
        probe = self.probe
        probe.cell(L.ROLE_PROBE)
        while True:
            due = now() + BEAT_NS
            time.sleep(BEAT_NS / 1e9)
            t = now()
            if probe.asleep(t):
                time.sleep(1)
                continue
            try:
                probe.put(L.LAG, L.F_LAG_GIL, 0, 0, 0, t, max(t - due, 0))
                for number, limiter in list(probe.limiters.items()):
                    limiter.sample(probe, t, number)
                self._look_at_threads(t)
                self._look_at_loops(t)
                if t - self._named_at > NAMES_NS:
                    self._named_at = t
                    self._name_threads()
            except Exception:
                probe.ring.error()

    def _name_threads(self) -> None:
        """Names threads that did no hop yet; gives back the cells of those that ended."""
        ring, words = self.probe.ring, self.probe.words
        known = ring.cells()  # before the look at who is alive: a newcomer is not taken for dead
        alive = sys._current_frames()
        threads = [
            (t.native_id, t.ident, t.name) for t in threading.enumerate() if t.ident in alive
        ]
        tids = {ident: tid for tid, ident, _ in threads}  # an ident is given again, a tid hardly
        gone = [
            cell
            for cell in known
            for ident in [words[cell.at + L.C_IDENT]]
            if ident not in alive or tids.get(ident, cell.tid) != cell.tid
        ]
        ring.free_cells(gone)
        for tid, ident, name in threads:
            if tid and ident:
                ring.cell(tid, ident, 0, name)

    def _look_at_threads(self, t: int) -> None:
        """Says where a thread is, once a step or hop that has lasted long."""
        probe, words, stalled = self.probe, self.probe.words, self._stalled
        long = []
        for cell in probe.ring.cells():
            at = cell.at
            request, since = words[at + L.C_NOW_REQUEST], words[at + L.C_NOW_SINCE]
            if request and t - since >= STALL_NS and stalled.get(cell.tid) != since:
                loop = words[at + L.C_ROLE] & L.ROLE_LOOP
                long.append((not loop, since, cell, request, words[at + L.C_IDENT]))
        if not long:
            return
        long.sort(key=lambda one: one[:2])  # loops first, then who has lasted longest
        frames, string = sys._current_frames(), self._string
        for hop, since, cell, request, ident in long[:MAX_LOOKS]:
            stalled[cell.tid] = since
            own, innermost = _places(frames.get(ident))
            probe.put(L.STALL, L.F_STALL_HOP if hop else 0, 0, cell.tid, request, t, since,
                      string(own), string(innermost), 0,
                      words[cell.at + L.C_NOW_WHAT] & 0xFFFF)  # fmt: skip
        if len(stalled) > L.CELLS:  # threads come and go
            stalled.clear()

    def _look_at_loops(self, t: int) -> None:
        """Says where a loop's thread is that lets nobody run, and is in no request's step."""
        probe, words = self.probe, self.probe.words
        for found in _beats.valuerefs():  # a list: loops come meanwhile
            beat = found()
            if beat is None or beat.probe is not probe or not beat.loop.beat_due:
                continue
            loop, due = beat.loop, beat.due
            if t - due < STALL_NS or self._late.get(loop.tid) == due:
                continue
            begin = loop.at + L.C_NOW_SINCE
            since = words[begin]
            if not since or since > due or words[loop.now]:  # it serves nobody yet, or goes on
                continue
            if loop.compiled is not None and loop.compiled.inside:  # a step that nobody is told of
                continue
            frame = sys._current_frames().get(words[loop.at + L.C_IDENT])
            if words[loop.now] or words[begin] != since or beat.due != due:  # it just went on
                continue
            own, innermost = _place_outside(frame)
            if own:
                self._late[loop.tid] = due
                probe.put(L.STALL, 0, 0, loop.tid, 0, t, due, self._string(own),
                          self._string(innermost))  # fmt: skip

    def _string(self, place: str) -> int:
        if place not in self._places:
            if len(self._places) >= MAX_PLACES:
                return 0
            self._places.add(place)
        return self.probe.ring.string(place)


def _places(frame: Any) -> tuple[str, str]:
    """Where a thread is: innermost in the app's own code, and innermost at all."""
    innermost = _where(frame) if frame is not None else ""
    while frame is not None:
        if _is_own(frame.f_code.co_filename):
            return _where(frame), innermost
        frame = frame.f_back
    return "", innermost


def _place_outside(frame: Any) -> tuple[str, str]:
    """The same of what an event loop runs; "" where that is a request's, or none of the app's."""
    own, innermost = "", _where(frame) if frame is not None else ""
    while frame is not None:
        code = frame.f_code
        if code.co_filename == _STEPS:
            return "", ""
        if _is_own(code.co_filename):
            if not own and code.co_name != "<module>":
                own = _where(frame)
        elif code.co_name in _RUNNERS:
            break
        frame = frame.f_back
    return own, innermost


def _is_own(filename: str) -> bool:
    """Whether a file is the app's."""
    return not filename.startswith((*_LIBRARY, "<")) and _PACKAGES not in filename


def _where(frame: Any) -> str:
    """`cpu.py:31 in burn()`."""
    code = frame.f_code
    file = os.path.basename(code.co_filename)
    return "%s:%s in %s()" % (file, frame.f_lineno, code.co_name)

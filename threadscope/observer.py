"""The observer thread: it reads the kernel and the rings, folds them, and leaves snapshots.

It leaves a snapshot four times a second, samples twice between two of them, and reads the rings
whenever it does one of the two. Between that it sleeps, until an order comes into its inbox.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue

from threadscope.load.messages import Died, Event, Result, State, Usage
from threadscope.model.aggregator import Aggregator
from threadscope.model.sample import Stack
from threadscope.model.snapshot import Health, Snapshot
from threadscope.own_cpu import OwnCpu
from threadscope.phases import Script
from threadscope.recording.encode import Encoder
from threadscope.rings.set import RingSet
from threadscope.sampling.tree import TreeSampler
from threadscope.sight import Sight
from threadscope.targets.process import Ended
from threadscope.targets.target import Target
from threadscope.watching import Watching

TICK_S = 0.05
"""What happens happens at a multiple of this; at most of these times something is due."""
TICKS_A_SNAPSHOT = 5
SAMPLE_TICKS = (2, 4)
"""After a snapshot: while that is drawn nothing else is done, which would be in its way."""
TICKS_A_LOOK = 20
"""From one look for new processes of the server to the next."""
MOST_LATE_S = TICKS_A_SNAPSHOT * TICK_S
"""Of more than this, as when the machine slept, the rest is left out."""
FOLDED_NS = 150_000_000
"""Older than this all has been folded: the watermark, and a tick."""
OUTPUT_LINES = 500
JOIN_S = 10.0
"""A tick takes milliseconds; a thread that does not end in this time is left behind."""

now = time.monotonic_ns


def next_tick(tick: int) -> int:
    """The tick after this one at which something is due."""
    place = tick % TICKS_A_SNAPSHOT
    return tick - place + next(n for n in (*SAMPLE_TICKS, TICKS_A_SNAPSHOT) if n > place)


class Observer:
    """Owns what is read and who folds it. All of that is touched in its thread only.

    Args:
        target: the server.
        saving: keeps what is seen; None: nobody does.
    """

    def __init__(self, target: Target, saving: Encoder | None = None) -> None:
        self._target, self._saving = target, saving
        self._orders: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._closing, self._over = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._sampler = TreeSampler()
        self._sight = Sight(target, self._found)
        self._usage = OwnCpu()
        self._load_percent: float | None = None
        self._finishing: list[threading.Event] = []
        self.latest: Snapshot | None = None
        """The newest snapshot, None until there is one."""
        self.failure: BaseException | None = None
        """The error that ended the thread: a mistake of ours."""

    # -- what others call ----------------------------------------------------------------------
    def start(self, rings: RingSet, aggregator: Aggregator, course: Script | Watching) -> None:
        """Begins.

        Args:
            rings: are read, and closed at the end.
            aggregator: folds what is read.
            course: where the phases are.
        """
        self._rings, self._aggregator, self._course = rings, aggregator, course
        self._thread = threading.Thread(target=self._run, name="threadscope observer")
        self._thread.start()

    def close(self) -> None:
        """Ends it, within JOIN_S. May be called again, and without a start."""
        self._closing.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._sight.close()
        self._sampler.close()

    def order(self, what: Callable[[], None]) -> None:
        """Has something done in the thread, at once; does not wait for it."""
        self._orders.put(what)

    def begin(self, what: Callable[[], None]) -> None:
        """The same with something that makes phases: from then on they are not over."""

        def do() -> None:
            self._over.clear()
            what()

        self.order(do)

    def finish(self, within_s: float) -> None:
        """Ends the phase that runs and waits until it is summed up, so many seconds at most."""
        done = threading.Event()

        def stop() -> None:
            self._course.stop(now())
            self._finishing.append(done)

        self.order(stop)
        end = time.monotonic() + within_s
        while self.failure is None and not done.wait(TICK_S) and time.monotonic() < end:
            pass

    def load_said(self, event: Event) -> None:
        """What comes from the load; may be called before the start."""
        t = now()
        self.order(lambda: self._load_event(event, t))

    @property
    def over(self) -> bool:
        """Whether all phases were played, or the thread ended."""
        return self._over.is_set() or self.failure is not None

    # -- the thread ----------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            tick, due = 0, time.monotonic()
            while not self._closing.is_set():
                self._tick(tick)
                before, tick = tick, next_tick(tick)
                # a tick that was late is made up for: pictures come on a steady beat
                due = max(due + (tick - before) * TICK_S, time.monotonic() - MOST_LATE_S)
                self._obey(due)
        except BaseException as error:
            self.failure = error
        finally:
            self._rings.close()

    def _obey(self, until: float) -> None:
        """Carries out orders, each at once, until it is time for a tick."""
        while (left := until - time.monotonic()) > 0 and not self._closing.is_set():
            try:
                self._orders.get(timeout=left)()
            except Empty:
                return

    def _tick(self, tick: int) -> None:
        while True:
            try:
                self._orders.get_nowait()()
            except Empty:
                break
        t = now()
        for batch, is_load in self._rings.read(t):
            self._aggregator.add_batch(batch, load=is_load)
        if tick % TICKS_A_LOOK == 0 and self._aggregator.target.running:
            self._look()
        t = now()
        self._aggregator.advance(t)
        self._course.tick(t - FOLDED_NS, t)
        over = self._course.over and (self._finishing or not self._over.is_set())
        still = self._over.is_set() and not self._aggregator.target.running  # the picture stays
        if over or (tick % TICKS_A_SNAPSHOT == 0 and not still):
            self._snapshot(t)
        if over:  # only now: whoever waits for it wants the last snapshot too
            self._over.set()
            while self._finishing:
                self._finishing.pop().set()
        if tick % TICKS_A_SNAPSHOT in SAMPLE_TICKS:
            self._sample(now())

    def _look(self) -> None:
        """What comes and goes: processes, their port, why some of them have no probe."""
        pids = self._target.pids()
        self._sampler.follow(pids)
        target = self._aggregator.target
        url = target.url or self._target.url()
        probed = self._rings.pids().intersection(pids)
        self._aggregator.target = replace(
            target, pids=pids or target.pids, url=url, workers=len(probed) or target.workers
        )
        self._aggregator.limited = self._sight.look(pids, probed, self._rings.trouble)
        if isinstance(self._course, Watching):
            self._aggregator.sockets(self._target.waiting())

    def _found(self, pid: int, stacks: list[Stack]) -> None:
        t = now()
        self.order(lambda: self._aggregator.stacks(t, pid, stacks))

    def _sample(self, t: int) -> None:
        target = self._aggregator.target
        ended = self._target.poll() if target.running else None
        if ended is not None:
            why = ended.said_of("the server")
            self._aggregator.target = replace(target, running=False, ended=ended.sentence)
            self._aggregator.note(t, why)
            self._aggregator.server_ended(t, why)
            self._course.server_ended(why, t)
        elif target.running:
            samples, gone = self._sampler.sample(t)
            for sample in samples:
                self._aggregator.add_sample(sample)
            for pid in gone:
                self._aggregator.process_ended(t, pid)
            self._sight.closer.look(self._aggregator, t)

    def _snapshot(self, t: int) -> None:
        facts, aggregator = self._rings.facts(), self._aggregator
        if facts is not None:
            aggregator.target = replace(
                aggregator.target, python=facts.python, gil=facts.gil, loop=facts.loop,
                http=facts.http,
            )  # fmt: skip
        broken = self._course.broken if aggregator.target.running else ""
        unsaved = self._saving.trouble if self._saving else ""
        health = Health(
            limited=(
                self._rings.trouble or broken or unsaved or self._sampler.trouble or self._sight.gap
            ),
            monitor_percent=self._usage.percent(t),
            load_percent=self._load_percent,
        )
        self.latest = aggregator.snapshot(health, self._target.output(OUTPUT_LINES))

    def _load_event(self, event: Event, t: int) -> None:
        script = self._course
        assert isinstance(script, Script), "there is no load"
        if isinstance(event, State):
            script.load_state(event)
        elif isinstance(event, Result):
            script.load_result(event, t)
        elif isinstance(event, Usage):
            self._load_percent = event.cpu_percent
        elif isinstance(event, Died):
            how = Ended.with_code(event.status).said_of("the load process")
            why = ": ".join([how, *event.last_lines[-1:]])
            self._aggregator.note(t, why)
            script.load_ended(why, t)

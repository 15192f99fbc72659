"""One observation: a server, a load, the sampler and the rings, joined into snapshots.

An observer thread does it all: ten times a second it reads the kernel and the rings, and the rings
again for each of four snapshots a second; it folds what is older than the watermark. Whoever looks
takes the latest snapshot; commands go into an inbox and are carried out by the same thread.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

from threadscope.asking import Options, phases_of
from threadscope.lints.judge import Lints
from threadscope.load.control import LoadProcess
from threadscope.load.messages import Died, Event, Result, State, Usage
from threadscope.model.aggregator import Aggregator
from threadscope.model.observation import Judge
from threadscope.model.sample import Stack
from threadscope.model.snapshot import Health, PhaseSummary, Snapshot, TargetInfo, Variant
from threadscope.own_cpu import OwnCpu
from threadscope.phases import GRACE_NS, Phase, Script, Way
from threadscope.recording.encode import Encoder
from threadscope.recording.tap import Tap
from threadscope.rings.folder import new_run, probe_environment
from threadscope.rings.set import RingSet
from threadscope.sampling.tree import TreeSampler
from threadscope.sight import Sight
from threadscope.targets.errors import TargetError
from threadscope.targets.process import Ended
from threadscope.targets.target import Target
from threadscope.watching import Watching

TICK_S = 0.05
"""What happens happens at a multiple of this; at most of these times something is due."""
TICKS_A_SAMPLE = 2
TICKS_A_SNAPSHOT = 5
TICKS_A_LOOK = 20
"""From one look for new processes of the server to the next."""
OUTPUT_LINES = 500
FINISH_S = GRACE_NS / 1e9 + 1

now = time.monotonic_ns


def next_tick(tick: int) -> int:
    """The tick after this one at which something is due."""
    return min(n * (tick // n + 1) for n in (TICKS_A_SAMPLE, TICKS_A_SNAPSHOT))


class Session:
    """Watches a server. `start` it, look with `latest`, `close` it.

    Args:
        target: the server.
        ways: how it can be asked; none: it is only watched, and there is no load.
        options: how it is asked at first.
        saving: keeps what is seen.

    Attributes:
        options: the same.
    """

    def __init__(
        self,
        target: Target,
        ways: Sequence[Way],
        options: Options,
        saving: Encoder | None = None,
    ) -> None:
        self._target, self._ways, self.options = target, tuple(ways), options
        self._saving = saving
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._latest: Snapshot | None = None
        self._closing, self._over = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._folder: Path | None = None
        self._load: LoadProcess | None = None
        self._script: Script | None = None
        self._sampler = TreeSampler()
        self._sight = Sight(target, self._tell)
        self._usage = OwnCpu()
        self._load_percent: float | None = None
        self._finishing: list[threading.Event] = []
        self.judge: Judge = Lints(options.lints)
        """Says what is wrong; another one can be put in its place before the start."""
        self.failure: BaseException | None = None
        """The error that ended the observer thread: a mistake of ours."""

    # -- life ----------------------------------------------------------------------------------
    def start(self) -> None:
        """Starts server, load and observer.

        Raises:
            TargetError: the server does not come up.
            FolderError: there is no place for the rings.
        """
        self._folder = folder = new_run()
        try:
            info = self._target.start(folder, probe_environment(folder, dict(os.environ)))
            if self._ways:
                self._load = LoadProcess(folder, self._on_load_event)
                self._load.start()
        except OSError as error:
            self.close()
            raise TargetError(f"cannot start a process: {error.strerror}") from error
        except BaseException:
            self.close()
            raise
        self._rings = RingSet(folder, self._target.rings)
        t = now()
        self._aggregator = self._new_aggregator(t)
        if self._load is not None:
            self._script = Script(self._load, self._aggregator, self.options.clients)
        self._course = self._script or Watching(self._aggregator, t, self.options.seconds)
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        self._aggregator.target = replace(info, cpus=cpus)
        self._thread = threading.Thread(target=self._observe, name="threadscope observer")
        self._thread.start()

    def _new_aggregator(self, t: int) -> Aggregator:
        wall_offset = time.time_ns() - t
        if self._saving is None:
            return Aggregator(t, wall_offset=wall_offset, judge=self.judge)
        return Tap(self._saving, t, self.options.lints, wall_offset=wall_offset, judge=self.judge)

    def close(self) -> None:
        """Ends load, server and observer. Bounded, and may be called again."""
        self._closing.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(10)
        if self._load is not None:
            self._load.close()
        self._sight.close()
        self._target.stop()
        self._sampler.close()
        if self._saving is not None:
            self._saving.close()
        if self._folder is not None and not self._target.outlives():
            shutil.rmtree(self._folder, ignore_errors=True)

    # -- what others see -----------------------------------------------------------------------
    def latest(self) -> Snapshot | None:
        """The newest snapshot, None until there is one."""
        return self._latest

    @property
    def finished(self) -> list[PhaseSummary]:
        """Phases that ended."""
        return self._course.finished

    @property
    def results(self) -> list[PhaseSummary]:
        """The phase of each variant that says most."""
        return self._course.results

    @property
    def target(self) -> TargetInfo:
        """The server's facts, as far as they are known."""
        return self._aggregator.target

    @property
    def over(self) -> bool:
        """Whether all phases were played, or the observer ended."""
        return self._over.is_set() or self.failure is not None

    @property
    def broken(self) -> str:
        """Why it ended early: `the server was killed by SIGKILL`; "" when it did not."""
        return self._course.broken

    @property
    def status(self) -> int | None:
        """The exit status of a server that ended while it was only watched, as a shell has it."""
        ended = self._target.poll() if not self._ways else None
        if ended is None or (ended.status is None and ended.signal is None):
            return None
        return ended.status if ended.status is not None else 128 + (ended.signal or 0)

    @property
    def obituary(self) -> str:
        """The same, with the last lines that a server printed that has ended."""
        said = [] if self.target.running else self._target.output(10)
        lines = [f"\n  {line}" for line in said if line.strip()]
        return self.broken + "".join(["; its last lines:", *lines] if lines else "")

    @property
    def unsaved(self) -> str:
        """Why not all of it was saved, "" if all was, or nothing was to be."""
        return self._saving.trouble if self._saving else ""

    # -- what others steer; all of it returns at once ------------------------------------------
    @property
    def variants(self) -> tuple[Variant, ...]:
        """What can be asked for."""
        return tuple(way.variant for way in self._ways)

    def play(self, keys: Sequence[str], *, seconds: float | None, then_live: bool = False) -> None:
        """Measures variants one after the other.

        Args:
            keys: of the variants.
            seconds: of each measurement; None: until so many requests were answered.
            then_live: go on with the last one afterwards.
        """
        tour = then_live and len(keys) > 1
        requests = self.options.requests
        phases = [x for key in keys for x in self._phases(key, seconds, requests, tour=tour)]
        if then_live:
            phases.extend(self._phases(keys[-1]))
        self._play(phases)

    def show_variant(self, key: str) -> None:
        """Sends the load to another variant, until something else is played."""
        self._play(self._phases(key))

    def tour(self) -> None:
        """Measures one variant after the other, then goes on with the last."""
        keys = [v.key for v in self.variants]
        self.play(keys, seconds=self.options.measure_s, then_live=True)

    def change_clients(self, by: int) -> None:
        """Lets so many clients more (or fewer) ask."""
        script = self._script
        if script is not None:
            self._inbox.put(lambda: script.change_clients(by, now()))

    def change_rate(self, up: bool) -> None:
        """Lets requests come on a schedule, faster or slower."""
        script = self._script
        if script is not None:
            seen = self._latest.per_second if self._latest is not None else None
            self._inbox.put(lambda: script.change_rate(up, seen or 0.0, now()))

    def toggle_load(self) -> None:
        """Stops the load, or starts it again."""
        script = self._script
        if script is not None:
            self._inbox.put(lambda: script.toggle_load(now()))

    def finish(self) -> None:
        """Ends the phase that runs and waits until it is summed up, at most FINISH_S."""
        done = threading.Event()

        def stop() -> None:
            self._course.stop(now())
            self._finishing.append(done)

        self._inbox.put(stop)
        end = time.monotonic() + FINISH_S
        while self.failure is None and not done.wait(TICK_S) and time.monotonic() < end:
            pass

    def _play(self, phases: Sequence[Phase]) -> None:
        script = self._script
        assert script is not None, "there is no load"

        def play() -> None:
            self._over.clear()
            script.play(phases, now())

        self._inbox.put(play)

    def _phases(
        self,
        key: str,
        seconds: float | None = None,
        requests: int | None = None,
        *,
        tour: bool = False,
    ) -> list[Phase]:
        way = next(way for way in self._ways if way.variant.key == key)
        url = self._aggregator.target.url
        return phases_of(way, url, self.options, seconds, requests, tour=tour)

    # -- the observer --------------------------------------------------------------------------
    def _on_load_event(self, event: Event) -> None:
        t = now()
        self._inbox.put(lambda: self._load_event(event, t))

    def _load_event(self, event: Event, t: int) -> None:
        assert self._script is not None  # there is one before the inbox is looked into
        if isinstance(event, State):
            self._script.load_state(event)
        elif isinstance(event, Result):
            self._script.load_result(event, t)
        elif isinstance(event, Usage):
            self._load_percent = event.cpu_percent
        elif isinstance(event, Died):
            status = event.status
            ended = Ended(status=status) if status >= 0 else Ended(signal=-status)
            why = ": ".join([_end_of("the load process", ended), *event.last_lines[-1:]])
            self._aggregator.note(t, why)
            self._script.load_ended(why, t)

    def _observe(self) -> None:
        try:
            tick, due = 0, time.monotonic()
            while not self._closing.is_set():
                self._tick(tick)
                before, tick = tick, next_tick(tick)
                due = max(due + (tick - before) * TICK_S, time.monotonic())
                self._obey(due)
        except BaseException as error:
            self.failure = error
        finally:
            self._rings.close()

    def _obey(self, until: float) -> None:
        """Carries out what the inbox asks for, each at once, until it is time for a tick."""
        while (left := until - time.monotonic()) > 0 and not self._closing.is_set():
            try:
                self._inbox.get(timeout=left)()
            except Empty:
                return

    def _tick(self, tick: int) -> None:
        while True:
            try:
                self._inbox.get_nowait()()
            except Empty:
                break
        t = now()
        for batch, is_load in self._rings.read(t):
            self._aggregator.add_batch(batch, load=is_load)
        if tick % TICKS_A_LOOK == 0 and self.target.running:
            self._look()
        if tick % TICKS_A_SAMPLE == 0:
            self._sample(t)
        t = now()
        self._aggregator.advance(t)
        self._course.tick(t - 150_000_000, t)
        over = self._course.over and (self._finishing or not self._over.is_set())
        still = self._over.is_set() and not self._aggregator.target.running  # the picture stays
        if over or (tick % TICKS_A_SNAPSHOT == 0 and not still):
            self._snapshot(t)
        if over:  # only now: whoever waits for it wants the last snapshot too
            self._over.set()
            while self._finishing:
                self._finishing.pop().set()

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
        self._aggregator.limited = self._sight.look(pids, probed)
        if not self._ways:
            self._aggregator.sockets(self._target.waiting())

    def _tell(self, pid: int, found: list[Stack]) -> None:
        t = now()
        self._inbox.put(lambda: self._aggregator.stacks(t, pid, found))

    def _sample(self, t: int) -> None:
        target = self._aggregator.target
        ended = self._target.poll() if target.running else None
        if ended is not None:
            why = _end_of("the server", ended)
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

    def _snapshot(self, t: int) -> None:
        facts = self._rings.facts()
        if facts is not None:
            self._aggregator.target = replace(
                self._aggregator.target, python=facts.python, gil=facts.gil, loop=facts.loop,
                http=facts.http,
            )  # fmt: skip
        broken = self.broken if self.target.running else ""
        health = Health(
            limited=self._rings.trouble or broken or self.unsaved,
            monitor_percent=self._usage.percent(t),
            load_percent=self._load_percent,
        )
        self._latest = self._aggregator.snapshot(health, self._target.output(OUTPUT_LINES))


def _end_of(what: str, ended: Ended) -> str:
    """`the server was killed by SIGKILL`."""
    return f"{what} {'was ' if ended.signal is not None else ''}{ended.sentence}"

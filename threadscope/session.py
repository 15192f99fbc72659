"""One observation: a server, a load, the sampler and the rings, joined into snapshots.

An observer thread does it all (`threadscope.observer`). Whoever looks takes the latest snapshot;
what is asked for goes into the observer's inbox and is carried out there.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from threadscope.asking import Options, phases_of
from threadscope.lints.judge import Lints
from threadscope.load.control import LoadProcess
from threadscope.model.aggregator import Aggregator
from threadscope.model.observation import Judge
from threadscope.model.snapshot import PhaseSummary, Snapshot, TargetInfo, Variant
from threadscope.observer import Observer, now
from threadscope.phases import GRACE_NS, Phase, Script, Way
from threadscope.recording.encode import Encoder
from threadscope.recording.tap import Tap
from threadscope.rings.folder import new_run, probe_environment
from threadscope.rings.set import RingSet
from threadscope.targets.errors import TargetError
from threadscope.targets.target import Target
from threadscope.watching import Watching

FINISH_S = GRACE_NS / 1e9 + 1


class Session:
    """Watches a server. `start` it, look with `latest`, `close` it.

    Args:
        target: the server.
        ways: how it can be asked; none: it is only watched, and there is no load.
        options: how it is asked at first.
        saving: keeps what is seen.
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
        self._observer = Observer(target, saving)
        self._folder: Path | None = None
        self._load: LoadProcess | None = None
        self._script: Script | None = None
        self.judge: Judge = Lints(options.lints)
        """Says what is wrong; another one can be put in its place before the start."""

    # -- life ----------------------------------------------------------------------------------
    def start(self) -> None:
        """Starts server, load and observer.

        Raises:
            TargetError: the server does not come up.
            FolderError: there is no place for the rings.
        """
        self._folder = folder = new_run(2 if self._ways else 0)  # server's and load's
        try:
            info = self._target.start(folder, probe_environment(folder, dict(os.environ)))
            if self._ways:
                self._load = LoadProcess(folder, self._observer.load_said)
                self._load.start()
        except OSError as error:
            self.close()
            raise TargetError(f"cannot start a process: {error.strerror}") from error
        except BaseException:
            self.close()
            raise
        t = now()
        self._aggregator = self._new_aggregator(t)
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        self._aggregator.target = replace(info, cpus=cpus)
        if self._load is not None:
            self._script = Script(self._load, self._aggregator, self.options.clients)
        self._course = self._script or Watching(self._aggregator, t, self.options.seconds)
        rings = RingSet(folder, self._target.rings)
        self._observer.start(rings, self._aggregator, self._course)

    def _new_aggregator(self, t: int) -> Aggregator:
        wall_offset = time.time_ns() - t
        if self._saving is None:
            return Aggregator(t, wall_offset=wall_offset, judge=self.judge)
        return Tap(self._saving, t, self.options.lints, wall_offset=wall_offset, judge=self.judge)

    def close(self) -> None:
        """Ends load, server and observer. Bounded, and may be called again."""
        self._observer.close()
        if self._load is not None:
            self._load.close()
        self._target.stop()
        if self._saving is not None:
            self._saving.close()
        if self._folder is not None and not self._target.outlives():
            shutil.rmtree(self._folder, ignore_errors=True)

    # -- what others see -----------------------------------------------------------------------
    def latest(self) -> Snapshot | None:
        """The newest snapshot, None until there is one."""
        return self._observer.latest

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
        return self._observer.over

    @property
    def failure(self) -> BaseException | None:
        """The error that ended the observer: a mistake of ours."""
        return self._observer.failure

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
        """`broken`, with the last lines that a server printed that has ended."""
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
        self._steer(lambda script: script.change_clients(by, now()))

    def change_rate(self, up: bool) -> None:
        """Lets requests come on a schedule, faster or slower."""
        latest = self.latest()
        seen = (latest.per_second if latest is not None else None) or 0.0
        self._steer(lambda script: script.change_rate(up, seen, now()))

    def toggle_load(self) -> None:
        """Stops the load, or starts it again."""
        self._steer(lambda script: script.toggle_load(now()))

    def _steer(self, what: Callable[[Script], None]) -> None:
        """Nothing happens where there is no load."""
        script = self._script
        if script is not None:
            self._observer.order(lambda: what(script))

    def finish(self) -> None:
        """Ends the phase that runs and waits until it is summed up, at most FINISH_S."""
        self._observer.finish(FINISH_S)

    def _play(self, phases: Sequence[Phase]) -> None:
        script = self._script
        assert script is not None, "there is no load"
        self._observer.begin(lambda: script.play(phases, now()))

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

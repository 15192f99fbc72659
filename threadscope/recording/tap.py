"""An aggregator that writes down what it is told, so that a file can tell it to another one."""

from __future__ import annotations

from typing import Any

from threadscope.model.aggregator import Aggregator
from threadscope.model.observation import Judge
from threadscope.model.records import Batch
from threadscope.model.sample import ProcessSample
from threadscope.model.snapshot import Health, PhaseSummary, Snapshot, TargetInfo
from threadscope.recording.encode import Encoder


class Tap(Aggregator):
    """The aggregator of an observation that is saved. Everything that it hears is kept.

    Args:
        encoder: is told the same.
        started: monotonic ns.
        settings: of the judge, so that it can be asked again.
        wall_offset: wall clock minus monotonic clock, ns.
        judge: says what is wrong.
    """

    def __init__(
        self,
        encoder: Encoder,
        started: int,
        settings: object = None,
        *,
        wall_offset: int = 0,
        judge: Judge | None = None,
    ) -> None:
        super().__init__(started, wall_offset=wall_offset, judge=judge)
        self._encoder = encoder
        encoder.begin(started, wall_offset, settings)
        self._told, self._why = TargetInfo(), self.limited

    def add_batch(self, batch: Batch, *, load: bool = False) -> None:
        """As there."""
        self._encoder.batch(batch, load)
        super().add_batch(batch, load=load)
        if not load:
            self._why = self.limited  # a ring that is read says it by itself

    def add_sample(self, sample: ProcessSample) -> None:
        """As there."""
        self._encoder.sample(sample)
        super().add_sample(sample)

    def advance(self, now: int) -> None:
        """As there."""
        self._tell_facts()
        self._encoder.advance(now)
        super().advance(now)

    def snapshot(self, health: Health, output: tuple[str, ...] = ()) -> Snapshot:
        """As there; what the server printed is nobody else's business."""
        self._tell_facts()
        self._encoder.snapshot(health)
        return super().snapshot(health, output)

    def _tell_facts(self) -> None:
        if self.target != self._told:
            self._told = self.target
            self._encoder.target(self.target)
        if self.limited != self._why:
            self._why = self.limited
            self._encoder.limited(self._why)

    # -- what comes now and then: by its name --------------------------------------------------
    def note(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # whatever they take there
        """As there."""
        self._encoder.call("note", args, named)
        super().note(*args, **named)

    def begin_phase(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("begin_phase", args, named)
        super().begin_phase(*args, **named)

    def load_state(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("load_state", args, named)
        super().load_state(*args, **named)

    def set_load(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("set_load", args, named)
        super().set_load(*args, **named)

    def end_phase(self, *args: Any, **named: Any) -> PhaseSummary:  # noqa: ANN401  # the same
        """As there."""
        self._tell_facts()
        self._encoder.call("end_phase", args, named)
        return super().end_phase(*args, **named)

    def server_ended(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("server_ended", args, named)
        super().server_ended(*args, **named)

    def process_ended(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("process_ended", args, named)
        super().process_ended(*args, **named)

    def sockets(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("sockets", args, named)
        super().sockets(*args, **named)

    def stacks(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("stacks", args, named)
        super().stacks(*args, **named)

    def place(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # the same
        """As there."""
        self._encoder.call("place", args, named)
        super().place(*args, **named)

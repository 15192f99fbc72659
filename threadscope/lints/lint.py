"""What a lint is: a name, a threshold, and a check that says ok, warn or not enough data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from threadscope.model.observation import Observation
from threadscope.model.snapshot import Level
from threadscope.model.units import duration

Evidence = Mapping[str, float | str | None]


class State(StrEnum):
    """What a check says."""

    OK = "ok"
    WARN = "warn"
    UNSURE = "not enough data"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a check says, and why."""

    state: State
    message: str = ""
    """WARN: one sentence with the measured values."""
    summary: str = ""
    """WARN: how often."""
    count: int = 0
    evidence: Evidence = field(default_factory=dict)


OK = Judgement(State.OK)
UNSURE = Judgement(State.UNSURE)


class Unit(StrEnum):
    """What a threshold counts."""

    TIME = "time"
    """ns inside, `100ms` outside."""
    SHARE = "share"
    """0..1 inside, `80%` outside."""
    FACTOR = "factor"
    """`10x`"""
    COUNT = "count"
    """`1`"""


_SCALES = {
    Unit.TIME: {"us": 1e3, "ms": 1e6, "s": 1e9},
    Unit.SHARE: {"%": 0.01},
    Unit.FACTOR: {"x": 1.0, "": 1.0},
    Unit.COUNT: {"": 1.0},
}
_EXAMPLES = {Unit.TIME: "50ms", Unit.SHARE: "80%", Unit.FACTOR: "10x", Unit.COUNT: "1"}


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which value on a lint fires."""

    unit: Unit
    default: float
    of: str
    """What is held against it: `the length of a step`."""

    def parse(self, text: str) -> float:
        """A value as people write it.

        Raises:
            ValueError: it is none; the message says how one looks.
        """
        found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*(us|ms|s|%|x|)", text.strip(), re.ASCII)
        scale = _SCALES[self.unit].get(found[2]) if found else None
        value = float(found[1]) * scale if found and scale else 0.0
        if value <= 0:
            raise ValueError(f"{text!r} is no {self.unit}: say {_EXAMPLES[self.unit]}")
        return value

    def text(self, value: float | None = None) -> str:
        """A value (or the default) as people write it."""
        value = self.default if value is None else value
        if self.unit is Unit.TIME:
            return duration(value)
        if self.unit is Unit.SHARE:
            return f"{value:.0%}".replace("%", " %")
        return f"{value:g}x" if self.unit is Unit.FACTOR else f"{value:g}"


@dataclass(frozen=True, slots=True)
class Lint:
    """One rule."""

    name: str
    level: Level
    """Of its findings, unless it is set to warn."""
    fires: str
    """When it does, in a line: for lists."""
    threshold: Threshold
    check: Callable[[Observation, float], Judgement]
    """From an observation and a threshold; pure."""
    counts: bool = False
    """It counts what happened, and is true also where a process of the server stood still."""

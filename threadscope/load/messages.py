"""What the monitor and the load process say to each other: one JSON object a line.

Unknown keys are ignored and missing ones take the field's default, so that both ends may be of
slightly different age; anything else that does not fit is a ValueError with one line.
"""

from __future__ import annotations

import base64
import json
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from threadscope.load.plan import LoadPlan, check_clients, check_rate
from threadscope.model.snapshot import PhaseState

T = TypeVar("T")


# -- commands: to the load ---------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a phase, with the load on. A phase that runs is stopped and drained first."""

    plan: LoadPlan


@dataclass(frozen=True, slots=True)
class SetClients:
    """From now on so many clients; those that are too many leave when they are answered."""

    clients: int

    def __post_init__(self) -> None:
        check_clients(self.clients)


@dataclass(frozen=True, slots=True)
class SetRate:
    """From now on so many requests per second, in the open model; others take no notice."""

    rate: float

    def __post_init__(self) -> None:
        check_rate(self.rate)


@dataclass(frozen=True, slots=True)
class SetOn:
    """Let the clients ask (or not) without ending the phase."""

    on: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """End the measurement of every phase that was begun; each one drains and has its result."""

    within_s: float | None = None
    """The longest drain; None: the time-out of the phase."""


# -- events: from the load ---------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Ready:
    """The process is up and takes commands."""

    pid: int
    loop: str
    """`uvloop` or `asyncio`"""


@dataclass(frozen=True, slots=True)
class State:
    """The phase came into a state."""

    state: PhaseState
    t: int
    """Monotonic ns."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the load process itself costs, about once a second."""

    cpu_percent: float
    """Of one core, since the last such event."""
    t: int
    """Monotonic ns."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a phase is, about once a second. Counts are over all of it so far."""

    t: int
    """Monotonic ns."""
    answered: int = 0
    """Whole answers, with whatever status."""
    failed: int = 0
    in_flight: int = 0
    per_second: float | None = None
    """Answers per second since the last such event; None in the first."""
    p50: int | None = None
    """Latency since the last such event, ns."""
    p99: int | None = None
    max: int | None = None
    late: int | None = None
    """Open model: sent late, so far; None in the others."""
    dropped: int | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """Requests that were sent at once."""

    n: int
    total_s: float | None
    """From the first sent to the last answered; None: none was."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Light requests beside the load, over the whole phase. They are not among its counts."""

    route: str
    started: int
    completed: int
    failed: int
    histogram: dict[str, Any] = field(default_factory=dict)
    """`Histogram.to_json` of the latencies in the measurement, from the scheduled moments on."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What became of the open model's schedule: scheduled = on_time + late + dropped."""

    scheduled: int
    on_time: int
    late: int
    """Sent, but later than `schedule.ON_TIME_NS` after its moment: no client was free."""
    dropped: int
    """Never sent: it waited as long as the time-out, or until the end."""
    histogram: dict[str, Any] = field(default_factory=dict)
    """`Histogram.to_json` of the latencies from the scheduled moments on, of the same answers."""


@dataclass(frozen=True, slots=True)
class Result:
    """One phase. Counts are over all of it: started = completed + failed + cut_off."""

    started: int = 0
    completed: int = 0
    """Answered with a status below 400."""
    failed: int = 0
    """Answered with 400 or more, or not at all."""
    cut_off: int = 0
    """In flight when the measurement ended, and unanswered when the time was up."""
    in_measure: int = 0
    """Answered, with whatever status, inside the measurement."""
    per_second: float = 0.0
    """in_measure per second of the measurement."""
    settle_s: float = 0.0
    duration_s: float = 0.0
    """Length of the measurement."""
    drain_s: float = 0.0
    histogram: dict[str, Any] = field(default_factory=dict)
    """`Histogram.to_json` of the latencies of the answers in in_measure, ns."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Answers by status: `{"200": 12}`."""
    errors: dict[str, int] = field(default_factory=dict)
    """Requests that got no whole answer, by `answer.ErrorKind` in small letters."""
    reasons: dict[str, str] = field(default_factory=dict)
    """For each of these kinds the first reason, in a few words."""
    received_bytes: int = 0
    """Of bodies."""
    generator_percent: float | None = None
    """CPU of the load process over the measurement, percent of one core."""
    burst: Burst | None = None
    """None: it was none."""
    scheduled: Scheduled | None = None
    """None: there was no schedule."""
    beside: tuple[Beside, ...] = ()
    bodies: dict[str, int] = field(default_factory=dict)
    """Answers by their bodies, where the plan wants them."""


@dataclass(frozen=True, slots=True)
class Died:
    """The load process ended though nobody closed it. Made by the parent, never sent."""

    status: int
    """Exit status; negative: the signal that killed it."""
    last_lines: tuple[str, ...] = ()
    """The last lines that it wrote to its standard error."""


Command = Begin | SetClients | SetRate | SetOn | Stop
Event = Ready | State | Usage | Progress | Result | Died
COMMANDS: dict[str, type[Command]] = {kind.__name__: kind for kind in get_args(Command)}
EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


def to_line(message: Command | Event) -> bytes:
    """The message as one line of JSON, with its newline."""
    data = {"type": type(message).__name__, **asdict(message)}
    return json.dumps(data, default=_bytes_as_text).encode() + b"\n"


def _bytes_as_text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def command_from(line: str | bytes) -> Command:
    """Reads a command.

    Raises:
        ValueError: it is none.
    """
    return _message(line, COMMANDS, "command")


def event_from(line: str | bytes) -> Event:
    """Reads an event.

    Raises:
        ValueError: it is none.
    """
    return _message(line, EVENTS, "event")


def _message(line: str | bytes, kinds: dict[str, type[T]], noun: str) -> T:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        data = None
    kind = data.get("type") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"not a {noun}: {line[:80]!r}")
    return _build(kinds[kind], data)


def _build(kind: type[T], data: dict[str, Any]) -> T:
    hints, values = get_type_hints(kind), {}
    for item in fields(kind):  # type: ignore[arg-type]  # only dataclasses come here
        if item.name in data:
            try:
                values[item.name] = _convert(data[item.name], hints[item.name])
            except TypeError:
                wrong = f"{kind.__name__}.{item.name} cannot be {data[item.name]!r:.80}"
                raise ValueError(wrong) from None
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} lacks {item.name}")
    return kind(**values)


def _convert(value: Any, hint: Any) -> Any:  # noqa: ANN401  # JSON in, a field's type out
    """The value as the hint wants it; TypeError where it does not fit."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is UnionType:  # only `X | None` is in use
        return None if value is None else _convert(value, args[0])
    if origin is dict and isinstance(value, dict):
        return {str(key): _convert(item, args[1]) for key, item in value.items()}
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(item, args[0]) for item in value)
    if origin is not None:
        raise TypeError
    if is_dataclass(hint) and isinstance(value, dict):
        return _build(hint, value)  # type: ignore[arg-type]  # hints are classes, not instances
    if issubclass(hint, StrEnum) and isinstance(value, str):
        return hint(value)
    if hint is bytes and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TypeError
    return value

"""Several rounds of several variants: medians, ratios, and whether these prove anything. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from threadscope.model.snapshot import PhaseSummary, TargetInfo, Word

NO_DIFFERENCE = "no clear difference"
ONE_ROUND = "one round"
"""It shows no spread, and so proves nothing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One phase of one variant of a demo, measured in one round."""

    demo: str
    target: TargetInfo
    summary: PhaseSummary


class Metric(NamedTuple):
    """A number of a phase."""

    name: str
    """In the JSON report."""
    words: str
    """As in `0.5 times the requests a second`."""
    value: Callable[[PhaseSummary], float | None]
    error: Callable[[PhaseSummary], float] = lambda one: 0.0
    """How far it may be off by the way it is counted."""


def _cut_in_half(one: PhaseSummary) -> float:
    """What is open when a measurement begins or ends is counted whole or not at all."""
    if one.burst:  # begins and ends with it
        return 0.0
    return (one.open_mean or 1) / 2 / one.duration_s if one.duration_s else 0.0


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e6


RATE = Metric("per_second", "requests a second", lambda one: one.per_second or None, _cut_in_half)
TOTAL = Metric("total_s", "total time", lambda one: one.burst.total_s if one.burst else None)
P50 = Metric("p50_ms", "median latency", lambda one: _ms(one.latency.p50))
P99 = Metric("p99_ms", "p99", lambda one: _ms(one.latency.p99))
OPEN = Metric("open_mean", "open requests", lambda one: one.open_mean)
CORES = Metric("cores_used", "cores", lambda one: one.cores_used)
CPU = Metric("cpu_ms_per_request", "CPU a request", lambda one: _ms(one.cpu_ns_per_request))
SWITCHES = Metric("switches_per_request", "switches", lambda one: one.switches_per_request)
METRICS = (RATE, TOTAL, P50, P99, OPEN, CORES, CPU, SWITCHES)


def beside_p50(route: str) -> Metric:
    """The median latency of light requests beside the load."""
    return Metric(f"p50_ms {route}", f"median latency of {route}", _beside(route, "p50"))


def beside_p99(route: str) -> Metric:
    """Their p99."""
    return Metric(f"p99_ms {route}", f"p99 of {route}", _beside(route, "p99"))


def _beside(route: str, name: str) -> Callable[[PhaseSummary], float | None]:
    def value(one: PhaseSummary) -> float | None:
        return next((_ms(getattr(x.latency, name)) for x in one.beside if x.route == route), None)

    return value


@dataclass(frozen=True, slots=True)
class Case:
    """What is compared with each other: the variants of a demo, or of one size of its bursts."""

    demo: str
    burst: int | None
    variants: dict[str, tuple[PhaseSummary, ...]]
    """By the variant's key, a phase a round; the first one is the base."""

    @property
    def title(self) -> str:
        """`cpu`, `io, 80 at once`."""
        return self.demo if self.burst is None else f"{self.demo}, {self.burst} at once"

    @property
    def beside(self) -> tuple[str, ...]:
        """Routes of light requests beside the load."""
        phases = next(iter(self.variants.values()))
        return tuple(one.route for one in phases[0].beside)

    @property
    def headlines(self) -> tuple[Metric, ...]:
        """What the case is about."""
        first = RATE if self.burst is None else TOTAL
        return (first, *map(beside_p50, self.beside))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A number of a variant, divided by the base's of the same round."""

    case: Case
    base: str
    against: str
    metric: Metric
    median: float
    least: float
    greatest: float
    rounds: int
    verdict: str
    """`higher`, `lower`, NO_DIFFERENCE or ONE_ROUND."""


def cases(trials: Iterable[Trial]) -> list[Case]:
    """The trials that reached their end, by what is compared, in the order of their first ones."""
    found: dict[tuple[str, int | None], dict[str, list[PhaseSummary]]] = {}
    for demo, phase in ((trial.demo, trial.summary) for trial in trials):
        if not phase.aborted and phase.latency.count:
            size = phase.burst.n if phase.burst else None
            found.setdefault((demo, size), {}).setdefault(phase.variant.key, []).append(phase)
    return [
        Case(demo, size, {key: tuple(phases) for key, phases in variants.items()})
        for (demo, size), variants in found.items()
    ]


def middle(phases: Sequence[PhaseSummary], metric: Metric) -> float | None:
    """The median over the rounds in which it is known."""
    known = [value for one in phases if (value := metric.value(one)) is not None]
    return median(known) if known else None


def word(phases: Sequence[PhaseSummary]) -> Word:
    """The behaviour in most rounds."""
    words = [one.behaviour.word for one in phases]
    return max(words, key=words.count)


def ratios(case: Case, metrics: Iterable[Metric]) -> list[Ratio]:
    """Each variant against the first one.

    Args:
        case: what is compared.
        metrics: in which numbers; where one is not known, or 0, there is no ratio.
    """
    (base, of_base), *others = case.variants.items()
    wanted = list(metrics)
    found = (_ratio(case, base, of_base, key, of, m) for key, of in others for m in wanted)
    return [ratio for ratio in found if ratio is not None]


def _ratio(
    case: Case,
    base: str,
    of_base: Sequence[PhaseSummary],
    against: str,
    of_against: Sequence[PhaseSummary],
    metric: Metric,
) -> Ratio | None:
    by_round = {one.round: one for one in of_base}
    pairs = [(by_round[one.round], one) for one in of_against if one.round in by_round]
    quotients = [
        value / before
        for base_one, one in pairs
        if (before := metric.value(base_one)) and (value := metric.value(one)) is not None
    ]
    if not quotients:
        return None
    return Ratio(
        case, base, against, metric, median(quotients), min(quotients), max(quotients),
        len(quotients), _verdict(of_base, of_against, metric),
    )  # fmt: skip


def _verdict(base: Sequence[PhaseSummary], against: Sequence[PhaseSummary], metric: Metric) -> str:
    """A difference is clear when every round of one lies above every round of the other."""
    if len(base) < 2 or len(against) < 2:
        return ONE_ROUND
    (base_low, base_high), (low, high) = _range(base, metric), _range(against, metric)
    if low > base_high:
        return "higher"
    return "lower" if high < base_low else NO_DIFFERENCE


def _range(phases: Sequence[PhaseSummary], metric: Metric) -> tuple[float, float]:
    known = [(v, metric.error(one)) for one in phases if (v := metric.value(one)) is not None]
    return min(v - error for v, error in known), max(v + error for v, error in known)

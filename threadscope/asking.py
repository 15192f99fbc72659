"""How a server is asked: what the user chose, applied to the plans of a way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from threadscope.lints.judge import Settings
from threadscope.load.plan import LoadPlan, Model
from threadscope.phases import Phase, Way

MEASURE_S = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """How the server is to be asked."""

    clients: int
    seconds: float | None = None
    requests: int | None = None
    rate: float | None = None
    """Requests a second on a schedule, where a closed loop was planned; None: leave it so."""
    lints: Settings = field(default_factory=Settings)
    """Which of them speak, and from where on."""

    @property
    def measure_s(self) -> float | None:
        """Length of a measurement; None: it ends after so many requests."""
        return self.seconds or (None if self.requests else MEASURE_S)


def phases_of(
    way: Way,
    url: str,
    options: Options,
    seconds: float | None = None,
    requests: int | None = None,
    *,
    tour: bool = False,
) -> list[Phase]:
    """The phases of one variant.

    Args:
        way: the variant.
        url: the server's.
        options: whether it is asked on a schedule.
        seconds: of each measurement; with neither this nor requests, it goes on until stopped.
        requests: after so many it is over.
        tour: it is part of a tour.
    """
    live = seconds is None and requests is None
    return [
        Phase(way.variant, plan, tour, again=live)
        if plan.model is Model.BURST
        else Phase(way.variant, _timed(plan, options, seconds, requests), tour)
        for plan in way.plans(url)
    ]


def _timed(
    plan: LoadPlan, options: Options, seconds: float | None, requests: int | None
) -> LoadPlan:
    plan = replace(plan, seconds=seconds, requests=requests)
    if options.rate is None or plan.model is not Model.CLOSED:
        return plan
    return replace(plan, model=Model.OPEN, rate=options.rate)

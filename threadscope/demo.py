"""A demo as something to watch: its server, and its ways to answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from threadscope.asking import Options
from threadscope.load.plan import LoadPlan, Model
from threadscope.phases import Way
from threadscope.recording.encode import Encoder
from threadscope.session import Session
from threadscope.targets.demo_list import Demo, DemoBeside, DemoVariant
from threadscope.targets.demos import DemoTarget

TIMEOUT_S = 30.0
LIGHT_CLIENTS = 100
"""So many light requests may wait at a time; their schedule goes on."""


def demo_session(
    demo: Demo,
    options: Options,
    *,
    port: int | None = None,
    work: int | None = None,
    workers: int | None = None,
    timeout_s: float = TIMEOUT_S,
    saving: Encoder | None = None,
) -> Session:
    """A session that watches a demo.

    Args:
        demo: which.
        options: how it is asked.
        port: of its server; None: a free one.
        work: a request's, in the demo's unit; None: the app's default.
        workers: processes that serve; None: as the demo has it.
        timeout_s: the longest wait for an answer.
        saving: keeps what is seen.
    """
    sizes = (options.clients,) if options.clients != demo.clients else demo.bursts
    asking = _Asking(sizes if demo.bursts else (), demo.beside, timeout_s)
    ways = [Way(v.variant, partial(asking.plans, v)) for v in demo.variants]
    return Session(DemoTarget(demo, port, work, workers), ways, options, saving)


@dataclass(frozen=True, slots=True)
class _Asking:
    """How a demo's variants are asked."""

    bursts: tuple[int, ...]
    beside: tuple[DemoBeside, ...]
    timeout_s: float

    def plans(self, variant: DemoVariant, url: str) -> list[LoadPlan]:
        """A load, or one a size of burst."""
        plan = LoadPlan(
            url=url + variant.path,
            timeout_s=self.timeout_s,
            route=variant.route,
            beside=tuple(self._light(one, url) for one in self.beside),
        )
        bursts = [
            replace(plan, model=Model.BURST, clients=size, keep_bodies=True) for size in self.bursts
        ]
        return bursts or [plan]

    def _light(self, one: DemoBeside, url: str) -> LoadPlan:
        return LoadPlan(
            url=url + one.path,
            route=one.path,
            clients=LIGHT_CLIENTS,
            model=Model.OPEN,
            rate=one.rate,
            timeout_s=self.timeout_s,
        )

"""A demo as something to watch: its server, and its ways to answer."""

from __future__ import annotations

from functools import partial

from threadscope.load.plan import LoadPlan
from threadscope.phases import Way
from threadscope.session import Options, Session
from threadscope.targets.demos import Demo, DemoTarget, DemoVariant

TIMEOUT_S = 30.0


def demo_session(
    demo: Demo,
    options: Options,
    *,
    port: int | None = None,
    work: int | None = None,
    workers: int | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Session:
    """A session that watches a demo.

    Args:
        demo: which.
        options: how it is asked.
        port: of its server; None: a free one.
        work: a request's, in the demo's unit; None: the app's default.
        workers: processes that serve; None: as the demo has it.
        timeout_s: the longest wait for an answer.
    """
    ways = [Way(v.variant, partial(_plans, v, timeout_s)) for v in demo.variants]
    return Session(DemoTarget(demo, port, work, workers), ways, options)


def _plans(variant: DemoVariant, timeout_s: float, url: str) -> list[LoadPlan]:
    return [LoadPlan(url=url + variant.path, timeout_s=timeout_s, route=variant.route)]

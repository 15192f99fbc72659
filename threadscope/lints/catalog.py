"""All lints, the most telling first: the order of findings that are equally bad."""

from __future__ import annotations

from threadscope.lints.cores import CORE_STARVED, GIL_BOUND, GIL_RELEASED
from threadscope.lints.lint import Lint
from threadscope.lints.loop import BLOCKING_CALL, LOOP_BLOCKED, NEVER_AWAITS
from threadscope.lints.measuring import ERRORS, EVENTS_DROPPED, GENERATOR_BOUND
from threadscope.lints.pool import EXHAUSTED, OVERHEAD
from threadscope.lints.sharing import STARVED_ROUTE, WORKER_SKEW

LINTS: dict[str, Lint] = {
    lint.name: lint
    for lint in (
        LOOP_BLOCKED,
        BLOCKING_CALL,
        NEVER_AWAITS,
        EXHAUSTED,
        STARVED_ROUTE,
        GIL_BOUND,
        OVERHEAD,
        GIL_RELEASED,
        CORE_STARVED,
        WORKER_SKEW,
        GENERATOR_BOUND,
        ERRORS,
        EVENTS_DROPPED,
    )
}
"""By name."""

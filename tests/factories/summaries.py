"""Phases that ended, like those of the demos."""

from __future__ import annotations

from dataclasses import replace

from tests.factories.parts import ASYNC, DEF, MS, latency
from threadscope.model.snapshot import Behaviour, PhaseSummary, Variant, Word


def summary(variant: Variant = ASYNC, **changes) -> PhaseSummary:
    """A finished phase."""
    one = PhaseSummary(
        variant=variant, round=1, clients=4, settle_s=1.2, duration_s=10.0, drain_s=0.9,
        started=40, completed=40, failed=0, cut_off=0, per_second=3.3, latency=latency(1210),
        generator_percent=2.0, served=40,
        behaviour=Behaviour(Word.SEQUENTIAL, "one request at a time on one thread"),
        open_max=1, open_mean=1.0, in_threads_max=0, cores_used=0.99,
        cpu_ns_per_request=300.2 * MS, switches_per_request=3.0,
    )  # fmt: skip
    return replace(one, **changes)


def cpu_def_summary(**changes) -> PhaseSummary:
    word = Behaviour(Word.CONCURRENT, "4 requests at once share one core")
    facts = {
        "behaviour": word, "open_max": 4, "open_mean": 4.0, "in_threads_max": 4,
        "cores_used": 1.01, "cpu_ns_per_request": 305.0 * MS, "switches_per_request": 61.0,
    }  # fmt: skip
    return summary(DEF, **{**facts, **changes})

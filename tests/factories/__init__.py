"""Snapshots like those that the demos give, the same ones each time: functions of a moment.

`cpu_async(24 * S)` is the demo `cpu`, async variant, 24 s after its start. The numbers are
invented; what is right about them is how they hang together. `replace` gives one of them other
values.
"""

from __future__ import annotations

from dataclasses import replace

from tests.factories.parts import (
    ASYNC,
    BASE,
    CPU_ASYNC,
    CPU_DEF,
    DEF,
    HELLO,
    HELLO_ASYNC,
    MS,
    PID,
    SLEEP,
    TARGET,
    WALL,
    S,
    back_to_back,
    base,
    chunked,
    cpu_points,
    lane,
    latency,
    log,
    span,
    thread,
    worker_lane,
)
from tests.factories.scenes import (
    cpu_async,
    cpu_def,
    dead,
    hello,
    native,
    no_probe,
    pool,
    toured,
    touring,
    two_workers,
)
from tests.factories.summaries import cpu_def_summary, summary

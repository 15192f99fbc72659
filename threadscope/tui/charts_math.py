"""Where the points of a chart lie: seconds to columns, rates and latencies to rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from threadscope.model.snapshot import Mark, Second
from threadscope.model.windows import KEPT_S, SECOND

NS_A_MICROSECOND = 1_000


class Columns(NamedTuple):
    """The last minute over so many columns; the newest second ends at the right."""

    at: int
    """Monotonic ns now."""
    width: int

    def column(self, t: int) -> int:
        """Where a moment lies; below 0 for what is too long ago."""
        end = self.at // SECOND * SECOND
        return self.width - math.ceil((end - t) * self.width / (KEPT_S * SECOND))

    def spread(self, seconds: Sequence[Second]) -> list[Second | None]:
        """The second that each column shows; None where there was none yet."""
        out: list[Second | None] = [None] * self.width
        for second in seconds:
            first, last = self.column(second.t), self.column(second.t + SECOND)
            for column in range(max(first, 0), min(last, self.width)):
                out[column] = second
        return out


def nice(value: float) -> float:
    """The least of 1, 2, 3, 4, 5, 6, 8, 10, 20, … that is not below the value; 1 for nothing."""
    if value <= 1:
        return 1
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.999)


def eighths(value: float, top: float, rows: int) -> int:
    """Height of a bar in eighths of a row; something is never nothing."""
    if value <= 0:
        return 0
    return max(1, min(rows * 8, round(value / top * rows * 8)))


class Scale(NamedTuple):
    """A logarithmic scale in whole decades of ns; row 0 is the lowest."""

    low: int
    """Power of ten at the bottom."""
    high: int
    rows: int

    def row(self, ns: float) -> int:
        """The row of a duration."""
        share = (math.log10(max(ns, 1)) - self.low) / (self.high - self.low)
        return min(self.rows - 1, max(0, round(share * (self.rows - 1))))

    def ticks(self) -> dict[int, int]:
        """The durations, ns, that are written beside rows."""
        return {self.row(10**power): 10**power for power in range(self.low, self.high + 1)}


def scale(seconds: Sequence[Second], rows: int) -> Scale:
    """Decades that hold all latencies, at least one."""
    values = [x for s in seconds for x in (typical(s), worst(s)) if x]
    low = math.floor(math.log10(max(min(values, default=10**6), NS_A_MICROSECOND)))
    high = math.ceil(math.log10(max(max(values, default=10**9), NS_A_MICROSECOND)))
    return Scale(low, max(high, low + 1), rows)


def typical(second: Second) -> float | None:
    """p50, or the mean of too few for one."""
    return second.latency.p50 if second.latency.p50 is not None else second.latency.mean


def worst(second: Second) -> int | None:
    """p99, or the longest of too few for one."""
    return second.latency.p99 if second.latency.p99 is not None else second.latency.max


def place_marks(marks: Sequence[Mark], columns: Columns) -> list[tuple[int, str]]:
    """Columns and texts of the marks, oldest first; the newer one of two that overlap stays."""
    out: list[tuple[int, str]] = []
    room = columns.width
    for mark in reversed(marks):
        column = columns.column(mark.t)
        if not 0 <= column < columns.width:
            continue
        text = mark.text
        start = min(column, columns.width - len(text))
        if start < 0 or start + len(text) > room:
            text = ""  # its line says that there was something
        else:
            room = start - 2
        out.append((column, text))
    return out[::-1]

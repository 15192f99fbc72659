"""Durations and counts in words, for sentences and for columns, and as numbers for programs."""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "-"
NAMED = 4
"""Of a list in a heading."""


def duration(ns: float | None) -> str:
    """`0.4 ms`, `302 ms`, `1.21 s`: three digits at most, always with the unit."""
    if ns is None:
        return UNKNOWN
    if ns < 99_950:
        return f"{ns / 1e3:.0f} µs"
    if ns < 9_950_000:
        return f"{ns / 1e6:.1f} ms"
    if ns < 999_500_000:
        return f"{ns / 1e6:.0f} ms"
    return f"{ns / 1e9:.2f} s" if ns < 99.5e9 else f"{ns / 1e9:.0f} s"


def ms(ns: float | None) -> float | None:
    """In ms, to the microsecond, as reports and evidence have it."""
    return None if ns is None else round(ns / 1e6, 3)


def plural(count: int, noun: str) -> str:
    """`1 worker`, `4 workers`, `5,000 events`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def first_of(names: Sequence[str]) -> str:
    """`/a, /b`; of many: `/a, /b, /c and 39 more`."""
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} more"

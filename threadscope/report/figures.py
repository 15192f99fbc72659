"""Numbers as the JSON report has them: milliseconds, rounded; null where nothing is known."""

from __future__ import annotations

from threadscope.model.snapshot import Latency
from threadscope.model.units import ms

LATENCY_KEYS = {
    "min": "min",
    "mean": "mean",
    "p50": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p99.9": "p999",
    "max": "max",
}


def latency_ms(latency: Latency) -> dict[str, float | None]:
    """All its figures."""
    return {key: ms(getattr(latency, name)) for key, name in LATENCY_KEYS.items()}


def rounded(value: float | None, digits: int = 3) -> float | None:
    """To so many digits."""
    return None if value is None else round(value, digits)

"""Numbers as people read them. Durations come in ns; "-" stands for what is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from threadscope.model.units import UNKNOWN as UNKNOWN
from threadscope.model.units import duration as duration
from threadscope.model.units import plural as plural
from threadscope.model.windows import SECOND as SECOND


def seconds(ns: int) -> str:
    """`0.11 s`: how long something has lasted; never below 0."""
    return f"{max(0, ns) / 1e9:.2f} s"


def percent(value: float | None) -> str:
    """`99.8`, without the sign: it stands in the column's head."""
    return UNKNOWN if value is None else f"{value:.1f}"


def rate(value: float | None) -> str:
    """`3.3`, `31`, `5,012`: a rate, or a count."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def cpu_time(cpu_s: float | None) -> str:
    """`0:23.91`, as in top's TIME+."""
    if cpu_s is None:
        return UNKNOWN
    hundredths = round(cpu_s * 100)
    return f"{hundredths // 6000}:{hundredths % 6000 / 100:05.2f}"


def elapsed(ns: int) -> str:
    """`00:24`; with hours from the first hour on."""
    total = max(0, ns) // SECOND
    minutes, secs = divmod(total, 60)
    return (
        f"{minutes:02}:{secs:02}"
        if minutes < 60
        else f"{minutes // 60}:{minutes % 60:02}:{secs:02}"
    )


def wall(t: int, wall_offset: int) -> str:
    """`19:16:46.101`: local wall time of a monotonic moment."""
    whole, rest = divmod(t + wall_offset, SECOND)
    return f"{_clock(whole)}.{rest // 1_000_000:03}"


@lru_cache(maxsize=128)
def _clock(second: int) -> str:
    """Most lines of a log are of the same few seconds, and the time zone is dear to ask for."""
    return f"{datetime.fromtimestamp(second, UTC).astimezone():%H:%M:%S}"


def tokens(total: int, borrowed: int, waiting: int) -> str:
    """`40/40 +80 wait`: a threadpool's tokens that are lent, of all, and who waits for one."""
    return f"{borrowed}/{total}" + (f" +{waiting} wait" if waiting else "")

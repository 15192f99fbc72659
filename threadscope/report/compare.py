"""Two variants side by side, and what the numbers say of them. Pure text, for the card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from threadscope.model.snapshot import PhaseSummary, Word
from threadscope.report.bursts import burst_lines
from threadscope.report.units import UNKNOWN, duration, rate

SAME = 1.1
"""Two numbers within this factor are called much the same: one round proves no more."""

Row = tuple[str, Callable[[PhaseSummary], str]]

_WORDS = {
    Word.SEQUENTIAL: "served one request at a time",
    Word.CONCURRENT: "served several requests at once, which shared the CPU time of one core",
    Word.PARALLEL: "really ran on several cores at once",
    Word.IDLE: "had next to nothing to do",
    Word.UNKNOWN: "could not be looked into",
}


def _number(value: float | None, digits: int = 0) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def _cpu_ms(summary: PhaseSummary) -> str:
    cpu = summary.cpu_ns_per_request
    return UNKNOWN if cpu is None else _number(cpu / 1e6, 0 if cpu >= 1e7 else 2)


ROWS: tuple[Row, ...] = (
    ("requests a second", lambda one: rate(one.per_second)),
    ("latency, median", lambda one: duration(one.latency.p50)),
    ("latency, longest", lambda one: duration(one.latency.max)),
    ("behaviour", lambda one: one.behaviour.word.upper()),
    ("open, at most", lambda one: _number(one.open_max)),
    ("in threads, at most", lambda one: _number(one.in_threads_max)),
    ("cores used", lambda one: _number(one.cores_used, 2)),
    ("CPU ms a request", _cpu_ms),
    ("switches a request", lambda one: _number(one.switches_per_request, 1)),
    ("failed", lambda one: _number(one.failed)),
)


def last_of_each(summaries: Sequence[PhaseSummary]) -> list[PhaseSummary]:
    """The newest whole phase of each variant, in the order in which variants were first seen.

    Of bursts, that of each size.
    """
    newest = {
        (one.variant.key, one.burst.n if one.burst else 0): one
        for one in summaries
        if not one.aborted
    }
    return list(newest.values())


def compare_lines(summaries: Sequence[PhaseSummary]) -> list[str]:
    """A table with a column a variant, and two sentences.

    Args:
        summaries: one a variant, two or more.
    """
    if any(one.burst for one in summaries):
        return burst_lines(summaries)
    names = [one.variant.key or one.variant.title for one in summaries]
    wanted = rows_for(summaries)
    cells = [[text(one) for one in summaries] for _, text in wanted]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    head = max(len(title) for title, _ in wanted)
    table = [_row("", names, head, widths)]
    table += [_row(title, row, head, widths) for (title, _), row in zip(wanted, cells, strict=True)]
    return [*table, "", _behaved(summaries), _paid(summaries), *_beside(summaries)]


def rows_for(summaries: Sequence[PhaseSummary]) -> list[Row]:
    """The rows of a table: the usual ones, and the light requests beside the load."""
    routes = dict.fromkeys(light.route for one in summaries for light in one.beside)
    lights = [
        (f"{route}, {word}", partial(_light, route, name))
        for route in routes
        for word, name in (("median", "p50"), ("longest", "max"))
    ]
    at = next(i for i, (title, _) in enumerate(ROWS) if title == "behaviour")
    return [*ROWS[:at], *lights, *ROWS[at:]]


def _light(route: str, name: str, one: PhaseSummary) -> str:
    found = (getattr(light.latency, name) for light in one.beside if light.route == route)
    return duration(next(found, None))


def _row(title: str, cells: Sequence[str], head: int, widths: Sequence[int]) -> str:
    columns = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return "   ".join([f"{title:<{head}}", *columns])


def _behaved(summaries: Sequence[PhaseSummary]) -> str:
    """`async served one request at a time; def served several at once.`."""
    words = {one.behaviour.word for one in summaries}
    if len(words) == 1:
        both = "Both" if len(summaries) == 2 else "All"
        return f"{both} {_WORDS[summaries[0].behaviour.word]}."
    parts = [f"{one.variant.key} {_WORDS[one.behaviour.word]}" for one in summaries]
    return "; ".join(parts) + "."


def _paid(summaries: Sequence[PhaseSummary]) -> str:
    """Which answered more, and what a request cost."""
    base, other = summaries[0], summaries[-1]
    names = base.variant.key, other.variant.key
    speed = _versus(base.per_second, other.per_second, names, "answered {} as many requests")
    if speed and _too_few(base, other):
        speed += " (too few to be sure: measure longer)"
    if not base.per_second or not other.per_second:
        speed = "Too few were answered to compare them"
    speed = speed or "They answered about as many requests a second"
    cost = _versus(
        base.cpu_ns_per_request, other.cpu_ns_per_request, names, "{} the CPU time a request"
    )
    if not base.cpu_ns_per_request or not other.cpu_ns_per_request:
        return f"{speed}."
    return f"{speed}, " + (f"and {cost.replace(' ', ' took ', 1)}." if cost else _SAME_COST)


def _beside(summaries: Sequence[PhaseSummary]) -> list[str]:
    """`/health took 1.68 s beside async and 44 ms beside def.`."""
    routes = dict.fromkeys(light.route for one in summaries for light in one.beside)
    return [
        f"{route} took "
        + " and ".join(f"{_light(route, 'p50', one)} beside {one.variant.key}" for one in summaries)
        + " (median)."
        for route in routes
    ]


def _too_few(base: PhaseSummary, other: PhaseSummary) -> bool:
    """Whether the counts differ by no more than what was just then in flight."""
    seconds = min(base.duration_s, other.duration_s)
    return abs(base.per_second - other.per_second) * seconds <= max(base.clients, other.clients)


_SAME_COST = "for about the same CPU time each."


def _versus(base: float | None, other: float | None, names: tuple[str, str], sentence: str) -> str:
    """`def answered 1.9 times as many requests`; "" when much the same or not known."""
    if not base or not other:
        return ""
    ratio = other / base
    more = names[1] if ratio > 1 else names[0]
    ratio = max(ratio, 1 / ratio)
    if ratio < SAME:
        return ""
    return f"{more} " + sentence.format(f"{ratio:.1f} times")

"""What is wrong, and who held the event loop: as plain lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from threadscope.model.facts import OUTSIDE, Endpoint
from threadscope.model.snapshot import Finding, Level, PhaseSummary, RouteSummary
from threadscope.report.units import duration

HOLDERS = 5
MARKS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "info"}


def holders(phase: PhaseSummary) -> list[RouteSummary]:
    """The endpoints that held the event loop longest in all, at most five."""
    found = [route for route in phase.routes if route.hold_total]
    return sorted(found, key=lambda route: -route.hold_total)[:HOLDERS]


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """A line each: `warning  loop-blocked  ...`."""
    return [f"{MARKS[one.level]:<7}  {one.lint}  {one.message}" for one in findings]


def holder_lines(phase: PhaseSummary) -> list[str]:
    """`Who held the event loop`: endpoint, place, holds, longest, total, share, who waited.

    The place is where a long hold was seen, and where there was none, the endpoint's definition.
    """
    rows = [_holder(route) for route in holders(phase)]
    if not rows:
        return []
    names = ("endpoint", "place", "holds", "longest", "total", "share", "waited")
    return [f"Who held the event loop, {phase.variant.title}", *_table([names, *rows])]


def _holder(route: RouteSummary) -> tuple[str, ...]:
    share = "-" if route.hold_share is None else f"{route.hold_share:.1%}"
    waited = "-"
    if route.waited:
        waited = (
            f"{route.waited:,} of {', '.join(route.waiters)}"
            if route.waiters
            else str(route.waited)
        )
    return (
        _named(route.endpoint),
        route.hold_place or route.endpoint.place or "-",
        f"{route.holds:,}",
        duration(route.hold_longest),
        duration(route.hold_total),
        share,
        waited,
    )


def _named(endpoint: Endpoint) -> str:
    name = "" if endpoint.kind == OUTSIDE else endpoint.name
    return f"{endpoint.label} {name}".strip()


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as what is in them; numbers flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = (0, 1, len(widths) - 1)
    return [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

"""The table of a comparison: as text for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from threadscope.model.snapshot import PhaseSummary
from threadscope.report.rounds import (
    CORES,
    CPU,
    NO_DIFFERENCE,
    ONE_ROUND,
    OPEN,
    P50,
    P99,
    RATE,
    SWITCHES,
    TOTAL,
    Case,
    Metric,
    Ratio,
    Trial,
    beside_p50,
    beside_p99,
    cases,
    middle,
    ratios,
    word,
)
from threadscope.report.units import UNKNOWN, duration, plural, rate

Row = tuple[str, ...]


def text_lines(trials: Iterable[Trial]) -> list[str]:
    """The table, and the ratios below it; empty when nothing was measured."""
    found = cases(trials)
    if not found:
        return []
    head, rows = _table(found)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [_aligned(row, widths) for row in (head, *rows)]
    sentences = [*_ratio_lines(found), *_failed_lines(found)]
    return ["", *lines, *(["", *sentences] if sentences else [])]


def markdown_lines(trials: Iterable[Trial]) -> list[str]:
    """The same for a document."""
    found = cases(trials)
    if not found:
        return []
    head, rows = _table(found)
    rule = ["---", "---", *["---:"] * (len(head) - 3), "---"]
    table = ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]
    return [*table, "", *(f"- {line}" for line in [*_ratio_lines(found), *_failed_lines(found)])]


def _aligned(row: Row, widths: Sequence[int]) -> str:
    """Names to the left, numbers to the right."""
    last = len(row) - 1
    cells = (
        f"{cell:<{width}}" if i < 2 or i == last else f"{cell:>{width}}"
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def _table(found: Sequence[Case]) -> tuple[Row, list[Row]]:
    bursts = any(case.burst is not None for case in found)
    total = ("total",) if bursts else ()
    head = (
        "demo", "variant", "req/s", *total, "p50", "p99", "open", "cores", "CPU ms", "switches",
        "behaviour",
    )  # fmt: skip
    return head, [row for case in found for row in _case_rows(case, bursts)]


def _case_rows(case: Case, bursts: bool) -> list[Row]:
    rows: list[Row] = []
    for key, phases in case.variants.items():
        name = case.title if not rows else ""
        total = (_seconds(middle(phases, TOTAL)),) if bursts else ()
        rows.append(
            (
                name, key, rate(middle(phases, RATE)), *total, _duration(phases, P50),
                _duration(phases, P99), _number(middle(phases, OPEN), 1),
                _number(middle(phases, CORES), 2), _number(middle(phases, CPU)),
                _number(middle(phases, SWITCHES), 1), word(phases).upper(),
            )
        )  # fmt: skip
        for route in case.beside:
            p50, p99 = (_duration(phases, of(route)) for of in (beside_p50, beside_p99))
            blanks = ("",) * 4
            rows.append(("", f"  {route}", "", *([""] * bursts), p50, p99, *blanks, ""))
    return rows


def _duration(phases: Sequence[PhaseSummary], metric: Metric) -> str:
    ms = middle(phases, metric)
    return duration(None if ms is None else ms * 1e6)


def _seconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f} s"


def _number(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return UNKNOWN
    if digits is None:  # three that count
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def _ratio_lines(found: Sequence[Case]) -> list[str]:
    """`hello: def has 0.44 times the requests a second of async (0.42 to 0.46, 3 rounds)`."""
    return [ratio_line(one) for case in found for one in ratios(case, case.headlines)]


def _failed_lines(found: Sequence[Case]) -> list[str]:
    """`hello: 12 requests of def failed`."""
    counts = [
        (case.title, key, sum(one.failed + one.cut_off for one in phases))
        for case in found
        for key, phases in case.variants.items()
    ]
    return [f"{title}: {plural(n, 'request')} of {key} failed" for title, key, n in counts if n]


def ratio_line(one: Ratio) -> str:
    """What one ratio says."""
    spread = f"{_ratio(one.least)} to {_ratio(one.greatest)} in {plural(one.rounds, 'round')}"
    head = f"{one.case.title}: "
    times = f"{one.against} has {_ratio(one.median)} times the {one.metric.words} of {one.base}"
    if one.verdict == ONE_ROUND:
        return f"{head}{times} (one round proves nothing)"
    if one.verdict == NO_DIFFERENCE:
        return f"{head}{NO_DIFFERENCE}: {times} ({spread})"
    return f"{head}{times} ({spread})"


def _ratio(value: float) -> str:
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"

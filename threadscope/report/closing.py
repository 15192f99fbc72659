"""What stays on the terminal when an observation is over."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from threadscope.model.snapshot import PhaseSummary
from threadscope.report.compare import compare_lines, rows_for
from threadscope.report.findings import finding_lines, holder_lines
from threadscope.report.units import duration


def closing_lines(summaries: Sequence[PhaseSummary], width: int | None = None) -> list[str]:
    """The figures of one variant, or several side by side.

    Args:
        summaries: one a variant; none: nothing was measured, and nothing is said.
        width: of the terminal, to which sentences are wrapped; None: they are not.
    """
    if not summaries:
        return []
    early = [_ended_early(one) for one in summaries if one.aborted]
    table = (
        compare_lines(summaries)
        if len(summaries) > 1 or summaries[0].burst
        else _figures(summaries[0])
    )
    lines = [*table, *_meaning(summaries), *early]
    if width is not None:
        lines = [part for line in lines for part in wrap(line, max(width, 20)) or [""]]
    return ["", *lines]


def _meaning(summaries: Sequence[PhaseSummary]) -> list[str]:
    """Who held the event loop, and what is wrong."""
    lines: list[str] = []
    for one in summaries:
        if held := holder_lines(one):
            lines += ["", *held]
        if found := finding_lines(one.findings):
            lines += ["", f"Findings, {one.variant.title}", *found]
    return lines


def _figures(one: PhaseSummary) -> list[str]:
    wanted = rows_for([one])
    head = max(len(title) for title, _ in wanted)
    behaviour = f"{one.behaviour.word.upper()}: {one.behaviour.sentence}"
    rows = [f"{title:<{head}}   {text(one)}" for title, text in wanted]
    return [one.variant.title, *rows, "", behaviour]


def _ended_early(one: PhaseSummary) -> str:
    return f"{one.variant.key} ended early, after {duration(one.duration_s * 1e9)}: {one.aborted}."

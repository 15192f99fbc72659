"""The report as Markdown: for a ticket, or a page. Names are shown as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from threadscope.model.snapshot import PhaseSummary, TargetInfo
from threadscope.report.compare import ROWS, compare_lines
from threadscope.report.units import UNKNOWN, duration, percent

_FORMATS = re.compile(r"[\\`*\[\]<>|~&!]")


def markdown(target: TargetInfo, phases: Sequence[PhaseSummary]) -> str:
    """The whole report.

    Args:
        target: the server.
        phases: in the order in which they were measured; at least one.
    """
    return "\n".join(_lines(target, phases))


def _lines(target: TargetInfo, phases: Sequence[PhaseSummary]) -> Iterator[str]:
    yield f"# {_inert(target.title)}"
    yield ""
    gil = "GIL not known" if target.gil is None else f"GIL {'on' if target.gil else 'off'}"
    python = f"Python {target.python or UNKNOWN}, {gil}"
    command = target.command.replace("`", "'")
    yield f"`{command}` on {python}, {target.loop or UNKNOWN}, {target.cpus} cores"
    yield ""
    yield from _table(
        ["", *(phase.variant.key or phase.variant.title for phase in phases)],
        [[title, *(text(phase) for phase in phases)] for title, text in ROWS],
    )
    for phase in phases:
        yield from _phase(phase)
    if len(phases) > 1:
        yield ""
        yield from compare_lines(phases)[-2:]


def _phase(phase: PhaseSummary) -> Iterator[str]:
    yield ""
    yield f"## {_inert(phase.variant.title)}"
    yield ""
    yield f"{phase.behaviour.word.upper()}: {_inert(phase.behaviour.reason)}."
    if phase.aborted:
        yield ""
        yield f"It ended early, after {duration(phase.duration_s * 1e9)}: {_inert(phase.aborted)}."
    yield ""
    yield from _table(
        ["thread", "TID", "CPU %", "run-queue wait %", "hops"],
        [
            [
                thread.label,
                str(thread.tid),
                percent(thread.cpu_percent),
                percent(thread.wait_percent),
                UNKNOWN if thread.hops is None else str(thread.hops),
            ]
            for thread in phase.threads
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---", *["---:"] * (len(head) - 1)])
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_inert, cells)) + " |"


def _inert(text: str) -> str:
    """No link, picture, markup or further column comes of it."""
    return _FORMATS.sub(r"\\\g<0>", text)

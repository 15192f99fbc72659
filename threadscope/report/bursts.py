"""Bursts side by side: how long each size took, and which threads made the answers. Pure text."""

from __future__ import annotations

from collections.abc import Sequence

from threadscope.model.snapshot import Answerer, BurstSummary, PhaseSummary
from threadscope.report.units import UNKNOWN, plural


def burst_lines(summaries: Sequence[PhaseSummary]) -> list[str]:
    """A table with a row a size and a column a variant, and what it was made on.

    Args:
        summaries: of bursts; of each variant and size at most one.
    """
    bursts = {(one.variant.key, one.burst.n): one for one in summaries if one.burst}
    keys = list(dict.fromkeys(key for key, _ in bursts))
    sizes = sorted({n for _, n in bursts})
    rows = [("", *keys)]
    rows += [(f"{n} at once", *(_total(bursts.get((key, n))) for key in keys)) for n in sizes]
    of = {key: [one for (variant, _), one in bursts.items() if variant == key] for key in keys}
    rows += [
        ("behaviour", *(", ".join(_words(of[key])) for key in keys)),
        ("threadpool's tokens", *(_most(of[key], "total_tokens") for key in keys)),
        ("waited for a token, at most", *(_most(of[key], "waiting_max") for key in keys)),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [_row(row, widths) for row in rows]
    made = [f"{key}: {sentence}" for key in keys if (sentence := _made_on(of[key]))]
    return [*table, *(["", *made] if made else [])]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    _, *rest = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return "   ".join([f"{cells[0]:<{widths[0]}}", *rest])


def _total(one: PhaseSummary | None) -> str:
    total = one.burst.total_s if one is not None and one.burst else None
    return UNKNOWN if total is None else f"{total:.2f} s"


def _words(phases: Sequence[PhaseSummary]) -> list[str]:
    return list(dict.fromkeys(one.behaviour.word.upper() for one in phases))


def _most(phases: Sequence[PhaseSummary], name: str) -> str:
    """Over all limiters of all processes; `-` where none was used."""
    known = [
        getattr(limiter, name)
        for one in phases
        for process in one.processes
        for limiter in process.limiters
        if limiter.borrowed_max
    ]
    return str(max(known)) if known else UNKNOWN


def _made_on(phases: Sequence[PhaseSummary]) -> str:
    """`MainThread (140555126643584) made all 260 answers`."""
    found: dict[tuple[str, int], int] = {}
    for burst in (one.burst for one in phases if one.burst):
        for name, ident, answers in burst.threads:
            found[name, ident] = found.get((name, ident), 0) + answers
    threads = [Answerer(name, ident, count) for (name, ident), count in found.items()]
    if not threads:
        return ""
    first, total = threads[0], sum(one.answers for one in threads)
    if len(threads) == 1:
        return f"{first.name} ({first.ident}) made all {plural(total, 'answer')}."
    names = " and ".join(dict.fromkeys(one.name for one in threads))
    return f"{len(threads)} threads named {names} ({first.ident}, ...) made the {total} answers."


def burst_title(burst: BurstSummary) -> str:
    """`120 at once: 6.04 s`."""
    took = "nothing was answered" if burst.total_s is None else f"{burst.total_s:.2f} s"
    return f"{burst.n} at once: {took}"

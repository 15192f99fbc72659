"""What the viewer must know before believing the rest: lost events, limits, the server's end."""

from __future__ import annotations

from textwrap import wrap

from textual.strip import Strip

from threadscope.model.snapshot import Snapshot
from threadscope.model.text import clean
from threadscope.report.units import SECOND, plural, wall
from threadscope.tui.line import Line, Piece
from threadscope.tui.palette import ALARM, ALARM_CHIP, MUTED, TEXT, WARN
from threadscope.tui.panel import Panel

LAST_LINES = 5
"""Lines of the server's output below the banner."""


def notice_lines(snapshot: Snapshot, room: int, width: int = 200) -> list[list[Piece]]:
    """At most `room` lines, most often none: the end, then warnings, then the last words."""
    ended = not snapshot.target.running
    said = [line for line in snapshot.output if line.strip()] if ended else []
    lines: list[list[Piece]] = []
    if ended:
        why = snapshot.target.ended or "it is gone"
        lines.append([(" SERVER ENDED ", ALARM_CHIP), (f"  {why}", ALARM)])
        lines[0].append(("   4 shows what it printed" if said else "", MUTED))
    warnings = _warnings(snapshot)
    if warnings:
        told = wrap("▲ " + "   ▲ ".join(warnings), max(width - 2, 20), subsequent_indent="  ")
        lines += [[(line, WARN)] for line in told]
    spare = max(0, min(LAST_LINES, room - len(lines)))
    lines += [[("   " + clean(line), TEXT)] for line in said[max(0, len(said) - spare) :]]
    return lines[:room]


def _warnings(snapshot: Snapshot) -> list[str]:
    health = snapshot.health
    warnings = []
    if snapshot.gaps:
        begin, end = snapshot.gaps[-1]
        until = wall(end, snapshot.wall_offset)[:8]
        warnings.append(
            f"no data for {(end - begin) / SECOND:.0f} s until {until}: threadscope did not run"
        )
    if health.limited:
        warnings.append(f"limited: {health.limited}")
    if health.dropped:
        warnings.append(f"dropped {plural(health.dropped, 'event')}")
    if health.holes:
        warnings.append(f"{plural(health.holes, 'event')} never written")
    if health.no_slot:
        lost = plural(health.no_slot, "request")
        warnings.append(f"{lost} found the table of open ones full: events alone tell of them")
    if health.no_name:
        warnings.append(f"no room for {plural(health.no_name, 'name')}: (other routes) has them")
    if health.no_cell:
        warnings.append(f"no room for {plural(health.no_cell, 'thread')}: not seen what they run")
    if health.probe_errors:
        warnings.append(plural(health.probe_errors, "error") + " in the probe")
    return warnings


class NoticesPanel(Panel):
    """Warnings and the banner; no line high while all is well."""

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """As `notice_lines` says."""
        lines = notice_lines(snapshot, height, width)
        return [Line().add(" ").pieces(line).strip(width) for line in lines]

"""The word for how a server behaves, and what it stands on.

Computed from what happened while at least two requests wanted service, never assumed from the
code: `async def` with middleware is still sequential, `def` on one core still concurrent.
"""

from __future__ import annotations

from dataclasses import dataclass

from threadscope.model.snapshot import Behaviour, Word

PARALLEL_CORES = 1.25
"""More than one core can be used a little by a server that is not parallel: `hello` as `def` uses
1.06, its event loop and a worker overlapping in C code that drops the GIL."""
HELD_SHARE = 0.90
"""The loop is held all the time, but for accepting, parsing and switching."""
ONE_LOOP_SHARE = 1.1
"""Held for longer than there was time: more than one event loop was held at a time."""
ALONE_SHARE = 0.95
"""Nearly always: one request's answer and the next one's arrival overlap for a moment."""
ENOUGH_NS = 200_000_000
"""Less observed time than this is no ground for a word."""
IDLE_AFTER_NS = 1_000_000_000
"""Observed for so long with next to nobody wanting service, it is idle; before, nobody can say."""


@dataclass(slots=True)
class Evidence:
    """Sums over a stretch of time; all in ns, `cpu` too."""

    seen: float = 0
    """Observed."""
    wanted: float = 0
    """At least two requests wanted service. The rest is counted within this time."""
    alone: float = 0
    """At most one request was open."""
    one_hop: float = 0
    """At most one hop ran."""
    held: float = 0
    """The event loop was held by a request's step."""
    cpu: float = 0
    """CPU of the server's processes."""
    open: float = 0
    """Open requests times time, within `seen`."""

    def add(self, other: Evidence) -> None:
        """Adds another stretch."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def behaviour(evidence: Evidence, *, limited: str = "", loops: int = 1) -> Behaviour:
    """The word for a stretch of time, by the rules of `docs/architecture.md`.

    Args:
        evidence: what happened in it.
        limited: why the requests cannot be seen, if they cannot.
        loops: event loops that there are. Steps are known when they end, and put where they were
            about: they may come to more than all the time of one loop.
    """
    if limited:
        return Behaviour(Word.UNKNOWN, limited)
    if evidence.wanted < ENOUGH_NS and evidence.seen < IDLE_AFTER_NS:
        return Behaviour(Word.UNKNOWN, "not enough was seen yet")
    if evidence.wanted < max(ENOUGH_NS, evidence.seen * 0.1):
        return Behaviour(Word.IDLE, "fewer than two requests at a time wanted service")
    if not (evidence.open or evidence.held):
        return Behaviour(Word.UNKNOWN, "requests wait, and none of them has reached the app")
    wanted = evidence.wanted
    cores, held = evidence.cpu / wanted, evidence.held / wanted
    alone, one_hop = evidence.alone / wanted, evidence.one_hop / wanted
    facts = {
        "cores_used": round(cores, 3),
        "loop_held_share": round(min(held, 1.0), 3),
        "alone_share": round(alone, 3),
        "one_hop_share": round(one_hop, 3),
    }
    if cores >= PARALLEL_CORES:
        return Behaviour(
            Word.PARALLEL, f"requests run on {cores:.1f} cores at the same time", facts
        )
    one_loop = HELD_SHARE <= held <= ONE_LOOP_SHARE
    if one_hop >= ALONE_SHARE and (one_loop or alone >= ALONE_SHARE):
        if held >= 0.5:
            reason = f"one request at a time holds the event loop, {100 * held:.0f} % of the time"
        else:
            reason = "one request at a time on one thread"
        return Behaviour(Word.SEQUENTIAL, reason, facts)
    if one_hop < ALONE_SHARE and cores >= 0.8:
        reason = f"several requests at once on worker threads share {cores:.2f} cores"
    elif one_hop < ALONE_SHARE:
        reason = f"several requests at once on worker threads, {cores:.2f} cores in use"
    elif held > ONE_LOOP_SHARE and loops > 1:
        reason = f"several event loops, each held by a request, share {cores:.2f} cores"
    else:
        reason = "several requests are open and take turns on the event loop"
    return Behaviour(Word.CONCURRENT, reason, facts)

"""What answers say of the threads that they were made on."""

from __future__ import annotations

import json
from collections.abc import Mapping

from threadscope.model.snapshot import Answerer
from threadscope.model.text import clean


def answerers(bodies: Mapping[str, int]) -> tuple[Answerer, ...]:
    """The threads that answers name, the busiest first; other answers are left out.

    Args:
        bodies: how many answers there were of each: `{"thread": "MainThread", "ident": 1234}`.
    """
    found: dict[tuple[str, int], int] = {}
    for text, count in bodies.items():
        try:
            said = json.loads(text)
            thread = clean(str(said["thread"]), 60), int(said["ident"])
        except (ValueError, TypeError, LookupError, OverflowError):
            continue
        found[thread] = found.get(thread, 0) + count
    threads = [Answerer(name, ident, count) for (name, ident), count in found.items()]
    return tuple(sorted(threads, key=lambda one: (-one.answers, one.ident)))

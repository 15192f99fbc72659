"""Words that several lints' sentences share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from threadscope.model.facts import OUTSIDE
from threadscope.model.snapshot import Endpoint
from threadscope.model.units import duration, ms, plural


def named(endpoint: Endpoint) -> str:
    """`async def report` (GET /report), as far as it is known."""
    if endpoint.kind == OUTSIDE:
        return "code outside any request"
    if not endpoint.name:
        return endpoint.label or "code outside of any route"
    return f"`{endpoint.kind or 'endpoint'} {endpoint.name}` ({endpoint.label})"


def most_common(texts: Iterable[str]) -> str:
    """The text that comes most often, without empty ones; "" when there is none."""
    found = Counter(text for text in texts if text).most_common(1)
    return found[0][0] if found else ""


def waited(count: int) -> str:
    """`; 3 requests waited`, or nothing."""
    return f"; {plural(count, 'request')} waited" if count else ""


__all__ = ["duration", "most_common", "ms", "named", "plural", "waited"]

"""The load on one's own server: what is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from threadscope.load.plan import LoadPlan, check_url
from threadscope.model.snapshot import Variant
from threadscope.phases import Way


def check_urls(urls: Sequence[str]) -> None:
    """Looks whether each is a path, or a whole URL of this machine.

    Raises:
        ValueError: one is not; the message says what is accepted.
    """
    for url in urls:
        if "://" in url:
            check_url(url)
        elif not url.startswith("/"):
            raise ValueError(f"{url!r} is no path: begin it with a slash, as in /items/1")


def ways_of(urls: Sequence[str], timeout_s: float) -> list[Way]:
    """One way for each URL; none: the server is only watched.

    Args:
        urls: paths on the server, or whole URLs.
        timeout_s: the longest wait for an answer.
    """
    return [_way(url, timeout_s) for url in urls]


def _way(url: str, timeout_s: float) -> Way:
    def plans(base: str) -> list[LoadPlan]:
        return [LoadPlan(url=url if "://" in url else base + url, timeout_s=timeout_s)]

    return Way(Variant(url, f"GET {url}"), plans)

"""Requests as bytes: everything but their number is written once for each client."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from threadscope.load.address import CLIENT_FIELD, basic_authorization
from threadscope.load.plan import LoadPlan
from threadscope.probe import layout as L

NUMBER_HEADER = L.CLIENT_HEADER.decode()
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
JOINED_UP_TO = 1024
"""A larger body is sent beside its head, and never copied."""

Pieces = tuple[bytes, ...]
"""A request as it is sent."""


class Origin(NamedTuple):
    """A server."""

    host: str
    port: int


class Template(NamedTuple):
    """A request without its number."""

    origin: Origin
    line: bytes
    after: bytes
    body: tuple[bytes, ...]

    def with_number(self, number: int) -> Pieces:
        """What is sent; number 0: nobody joins both ends, and no header says it."""
        if not number:
            return (self.line + self.after, *self.body)
        return (b"%b%b: %d\r\n%b" % (self.line, L.CLIENT_HEADER, number, self.after), *self.body)


def origin_of(url: str) -> Origin:
    """Where a URL leads to."""
    parts = urlsplit(url)
    return Origin(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def fixed_headers(plan: LoadPlan, url: str) -> list[tuple[str, str]]:
    """What follows the request's number in each request to this URL; the user's own come last.

    Only what HTTP needs: each header costs the server a call, and its time is what is measured.
    """
    parts = urlsplit(url)
    given = {name.lower() for name, _ in plan.headers}
    ours = [("host", parts.netloc.rpartition("@")[2])]
    authorization = basic_authorization(url)
    if authorization:
        ours.append(("authorization", authorization))
    if plan.body or plan.method in WITH_BODY:
        ours.append(("content-length", str(len(plan.body))))
    if not plan.keep_alive:
        ours.append(("connection", "close"))
    return [(name, value) for name, value in ours if name not in given] + list(plan.headers)


def templates(plan: LoadPlan, client: int) -> tuple[Template, ...]:
    """What a client asks, in its turn."""
    return tuple(_template(plan, url.replace(CLIENT_FIELD, str(client))) for url in plan.urls)


def _template(plan: LoadPlan, url: str) -> Template:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = "".join(f"{name}: {value}\r\n" for name, value in fixed_headers(plan, url))
    line = f"{plan.method} {path} HTTP/1.1\r\n"
    after = f"{headers}\r\n".encode("latin-1")
    small = len(plan.body) <= JOINED_UP_TO
    return Template(
        origin_of(url),
        line.encode("ascii"),
        after + plan.body if small else after,
        () if small else (plan.body,),
    )

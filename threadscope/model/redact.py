"""What may be shown of a URL or a header: passwords, keys and tokens are left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"
_SECRET_HEADERS = re.compile(
    r"authorization|cookie|token|secret|passw|api-?key|signature|credential|session", re.IGNORECASE
)
_SECRET_PARAMETERS = re.compile(
    r"token|secret|passw|pwd|key|auth|sig|credential|session", re.IGNORECASE
)


def shown_url(url: str) -> str:
    """The URL without its `user:password@` and without the values of parameters like `token=`.

    A path, `/x?token=1`, is one without a host.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL at all: nobody knows what is what in it
        return HIDDEN
    _, at, place = parts.netloc.rpartition("@")
    if not parts.netloc and "@" in url and not url.startswith("/"):
        return HIDDEN
    netloc = f"{HIDDEN}@{place}" if at else place
    query = "&".join(_shown_parameter(one) for one in parts.query.split("&"))
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def shown_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name, secret values hidden."""
    return {name: HIDDEN if _SECRET_HEADERS.search(name) else value for name, value in headers}


def _shown_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={HIDDEN}" if equals and _SECRET_PARAMETERS.search(name) else parameter

"""Where a load may go: URLs and headers, checked before anything is sent."""

from __future__ import annotations

import base64
import ipaddress
import re
from urllib.parse import unquote, urlsplit

from threadscope.model.redact import shown_url

CLIENT_FIELD = "{client}"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[\x21-\x5b\x5d-\x7e]*")
"""Without the backslash: where it ends a host, parsers are of two minds."""
OURS = frozenset({"connection", "content-length", "transfer-encoding", "x-threadscope-request"})
"""Headers that the load writes itself: another value would break its counting."""


def check_url(url: str, *, allow_remote: bool = False) -> str:
    """The URL itself.

    Raises:
        ValueError: it is no HTTP, or goes to another machine without leave; one line.
    """
    wanted = "a URL must be http:// or https://, as in http://127.0.0.1:8000/"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{wanted}, not {shown_url(url)}") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError(f"{wanted}, not {shown_url(url) or 'nothing'}")
    if not _TARGET.fullmatch(url):
        odd = "spaces, backslashes and letters like ü must be %-encoded"
        raise ValueError(f"{wanted}; {odd}: {shown_url(url)}")
    if not (allow_remote or is_loopback(host)):
        raise ValueError(f"{host} is not this machine: say --allow-remote if you may load it")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name alone; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_method(method: str) -> str:
    """The method itself.

    Raises:
        ValueError: it is none; one line.
    """
    if not _TOKEN.fullmatch(method) or method == "CONNECT":
        raise ValueError(f"{method!r:.40} is no method: say GET, POST, PUT, PATCH, DELETE or HEAD")
    return method


def check_header(name: str, value: str) -> tuple[str, str]:
    """The header itself.

    Raises:
        ValueError: it cannot be sent; one line, without the value.
    """
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r:.40} is no name of a header: say 'Name: value'")
    if not _VALUE.fullmatch(value):
        raise ValueError(f"the value of the header {name} has characters that cannot be sent")
    if name.lower() in OURS:
        raise ValueError(f"the load writes the header {name} itself: leave it out")
    return name, value


def basic_authorization(url: str) -> str | None:
    """What `user:password@` in a URL means as the value of an Authorization header."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(both.encode()).decode()

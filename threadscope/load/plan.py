"""What a load asks for: where, by how many clients, for how long."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_CLIENTS = 10_000
CLIENT_FIELD = "{client}"


def check_clients(clients: int) -> int:
    """The number of clients itself.

    Raises:
        ValueError: a load cannot have so many or so few.
    """
    if not 1 <= clients <= MAX_CLIENTS:
        raise ValueError(f"clients must be 1 to {MAX_CLIENTS}, not {clients}")
    return clients


def check_url(url: str) -> str:
    """The URL itself.

    Raises:
        ValueError: it is not plain HTTP to this machine.
    """
    wanted = "the URL must be http:// on this machine, as in http://127.0.0.1:8000/"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{wanted}, not {url!r}") from None
    if parts.scheme != "http" or not _is_loopback(host):
        raise ValueError(f"{wanted}, not {url!r}")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One phase of load: closed loop, every client asks again as soon as it is answered.

    Raises:
        ValueError: a number or the URL is out of range; the message says what is accepted.
    """

    url: str
    """`{client}` in it becomes the client's number, 1..clients."""
    clients: int = 4
    seconds: float | None = None
    """Length of the measurement; None: until it is stopped."""
    requests: int | None = None
    """Stop after so many. Such a load is measured whole: it does not settle, and the measurement
    lasts until the last of them is answered."""
    timeout_s: float = 30.0
    """For a request, and for the drain."""
    settle_s: float = 2.0
    """The longest that is waited for every client's first answer."""
    route: str = ""
    """The route's template, `/items/{id}`: how the ring names what was asked."""

    def __post_init__(self) -> None:
        check_url(self.url)
        check_clients(self.clients)
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds must be more than 0, not {self.seconds}")
        if self.requests is not None and self.requests < 1:
            raise ValueError(f"requests must be 1 or more, not {self.requests}")
        if not self.timeout_s > 0:
            raise ValueError(f"the time-out must be more than 0 seconds, not {self.timeout_s}")
        if not self.settle_s >= 0:
            raise ValueError(f"settle must be 0 seconds or more, not {self.settle_s}")

    def url_for(self, client: int) -> str:
        """What this client asks for."""
        return self.url.replace(CLIENT_FIELD, str(client))

"""What a load asks for: where, what, by how many clients, how often, for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from threadscope.load.address import check_header, check_method, check_url

MAX_CLIENTS = 10_000
MAX_RATE = 100_000.0
MAX_BODY = 8 << 20


class Model(StrEnum):
    """Who decides when the next request is sent."""

    CLOSED = "closed"
    """The server: each client asks again as soon as it was answered."""
    BURST = "burst"
    """Nobody: every client asks once, all at the same moment."""
    OPEN = "open"
    """A schedule, however slow the answers are."""


def check_clients(clients: int) -> int:
    """The number of clients itself.

    Raises:
        ValueError: a load cannot have so many or so few.
    """
    if not 1 <= clients <= MAX_CLIENTS:
        raise ValueError(f"clients must be 1 to {MAX_CLIENTS}, not {clients}")
    return clients


def check_rate(rate: float) -> float:
    """The rate itself, in requests per second.

    Raises:
        ValueError: a load cannot have it.
    """
    if not 0 < rate <= MAX_RATE:
        raise ValueError(f"the rate must be more than 0, up to {MAX_RATE:g} a second, not {rate:g}")
    return rate


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One phase of load.

    Raises:
        ValueError: a number or the URL is out of range; the message says what is accepted.
    """

    url: str = field(repr=False)
    """`{client}` in it becomes the client's number, 1..clients."""
    clients: int = 4
    """In a burst: how many requests. With a rate: how many requests can be out at a time."""
    seconds: float | None = None
    """Length of the measurement; None: until it is stopped. A burst takes no notice of it."""
    requests: int | None = None
    """Stop after so many. Such a load is measured whole: it does not settle, and the measurement
    lasts until the last of them is answered. In a burst each client asks once, whatever it says."""
    timeout_s: float = 30.0
    """For a request, and for the drain."""
    settle_s: float = 2.0
    """The longest that is waited for every client's first answer."""
    route: str = ""
    """The first URL's template, `/items/{id}`: how the ring names what was asked. Without one, and
    for the further URLs, that is the path."""
    model: Model = Model.CLOSED
    rate: float | None = None
    """Open model: requests per second, of all clients together."""
    further_urls: tuple[str, ...] = field(default=(), repr=False)
    """Asked in turn with the first."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    keep_alive: bool = True
    """Without: a new connection for each request."""
    beside: tuple[LoadPlan, ...] = ()
    """Light requests that go on beside these as long as they do, each on a schedule (a rate)."""
    keep_bodies: bool = False
    """The result tells which answers came, and how many of each; for answers that are small."""
    allow_remote: bool = False
    """Other machines than this one may be loaded."""

    def __post_init__(self) -> None:
        for url in self.urls:
            check_url(url, allow_remote=self.allow_remote)
        if len({urlsplit(url).scheme for url in self.urls}) > 1:
            raise ValueError("URLs must be all http:// or all https://")
        check_method(self.method)
        for name, value in self.headers:
            check_header(name, value)
        if len(self.body) > MAX_BODY:
            raise ValueError(f"the body must be at most {MAX_BODY >> 20} MiB")
        check_clients(self.clients)
        self._check_model()
        if any(light.model is not Model.OPEN or light.beside for light in self.beside):
            raise ValueError("what is asked beside a load has a rate, and nothing beside itself")
        self._check_times()

    def _check_model(self) -> None:
        if (self.rate is None) is (self.model is Model.OPEN):
            raise ValueError("a rate belongs to the open model, and to no other")
        if self.rate is not None:
            check_rate(self.rate)

    def _check_times(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds must be more than 0, not {self.seconds}")
        if self.requests is not None and self.requests < 1:
            raise ValueError(f"requests must be 1 or more, not {self.requests}")
        if not self.timeout_s > 0:
            raise ValueError(f"the time-out must be more than 0 seconds, not {self.timeout_s}")
        if not self.settle_s >= 0:
            raise ValueError(f"settle must be 0 seconds or more, not {self.settle_s}")

    @property
    def urls(self) -> tuple[str, ...]:
        """All of them, in their turn."""
        return (self.url, *self.further_urls)

    @property
    def most(self) -> int | None:
        """After how many requests it is over; None: only time or a stop ends it."""
        return self.clients if self.model is Model.BURST else self.requests

    @property
    def live(self) -> bool:
        """It has no end of its own."""
        return self.most is None and self.seconds is None

    def routes(self) -> tuple[str, ...]:
        """What the ring calls each URL: never its query, which may hold secrets."""
        paths = [urlsplit(url).path or "/" for url in self.urls]
        return (self.route or paths[0], *paths[1:])

"""The clients of a phase: by our own protocol for http://, by aiohttp for https://."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit

from threadscope.load.address import is_loopback
from threadscope.load.answer import ErrorKind, NoAnswer, failed_connection
from threadscope.load.asker import Asker
from threadscope.load.connection import (
    Connection,
    Deadlines,
    KeepingConnection,
    Known,
    nothing_more,
)
from threadscope.load.plan import LoadPlan
from threadscope.load.request import Origin, Pieces, Template, origin_of, templates


class Client(Protocol):
    """One who asks, one request at a time."""

    async def ask(self, turn: int, number: int, asker: Asker) -> None:
        """Asks for one of the plan's URLs, and perhaps for more, one after another.

        Args:
            turn: which, counted from 0.
            number: the request's, unique in the process.
            asker: is told each answer, and may be asked for what comes next.

        Raises:
            NoAnswer: there is none to the last that was asked.
        """
        ...

    async def connect(self) -> None:
        """Connects beforehand; a failure is told when something is asked."""
        ...

    def close(self) -> None:
        """Hangs up."""
        ...


class Clients(Protocol):
    """Makes clients; what they share ends with it."""

    @property
    def bodies(self) -> Mapping[str, int]:
        """Answers by their bodies, where the plan wants them."""
        ...

    def new(self, number: int) -> Client:
        """The client with this number, counted from 1."""
        ...

    async def __aenter__(self) -> Clients: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def clients_for(plan: LoadPlan) -> Clients:
    """The kind of clients that a plan's URLs need."""
    if urlsplit(plan.url).scheme == "https":
        from threadscope.load.secure import SecureClients  # aiohttp takes a quarter of a second

        return SecureClients(plan)
    return PlainClients(plan)


class PlainClients:
    """Clients of plain HTTP. Names are looked up once, when it is entered."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._deadlines, self._known = Deadlines(plan.timeout_s), Known()
        self._places: dict[Origin, Place] = {}
        self._keeper: asyncio.Task[None] | None = None
        self.bodies: Counter[str] = Counter()
        """Answers by their bodies, where the plan wants them."""

    async def __aenter__(self) -> PlainClients:
        for origin in {origin_of(url) for url in self._plan.urls}:
            self._places[origin] = await Place.look_up(
                origin, self._new_connection, allow_remote=self._plan.allow_remote
            )
        self._keeper = asyncio.create_task(self._deadlines.keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()

    def new(self, number: int) -> PlainClient:
        """The client with this number, counted from 1."""
        return PlainClient(self._plan, templates(self._plan, number), self._places)

    def _new_connection(self) -> Connection:
        bodiless = self._plan.method == "HEAD"
        if not self._plan.keep_bodies:
            return Connection(self._deadlines, self._known, bodiless=bodiless)
        return KeepingConnection(self._deadlines, bodiless=bodiless, bodies=self.bodies)


class Place:
    """The addresses of a server."""

    def __init__(
        self, addresses: list[tuple[str, int]], new_connection: Callable[[], Connection]
    ) -> None:
        self._new_connection = new_connection
        self._addresses = addresses
        """The one that worked last comes first."""

    @classmethod
    async def look_up(
        cls, origin: Origin, new_connection: Callable[[], Connection], *, allow_remote: bool = False
    ) -> Place:
        """Asks the system; a name that nobody knows has no address, and every request fails.

        Nor has one of another machine, without leave: somebody may have made localhost that.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                origin.host, origin.port, type=socket.SOCK_STREAM
            )
        except OSError:
            found = []
        hosts = [str(entry[4][0]) for entry in found]
        mine = [(host, origin.port) for host in hosts if allow_remote or is_loopback(host)]
        return cls(mine, new_connection)

    async def connect(self) -> Connection:
        """A new connection.

        Raises:
            NoAnswer: there is none.
        """
        loop, error = asyncio.get_running_loop(), OSError("nobody knows this host")
        for number, (host, port) in enumerate(self._addresses):
            try:
                _, connection = await loop.create_connection(self._new_connection, host, port)
            except OSError as caught:
                error = caught
            else:
                if number:
                    self._addresses.insert(0, self._addresses.pop(number))
                return connection
        raise failed_connection(error)


class PlainClient:
    """A client with one connection to each server that it asks."""

    def __init__(
        self,
        plan: LoadPlan,
        known: tuple[Template, ...],
        places: dict[Origin, Place],
    ) -> None:
        self._templates, self._places = known, places
        self._timeout_s, self._keep_alive = plan.timeout_s, plan.keep_alive
        self._connections: dict[Origin, Connection] = {}
        self._one_server = len({template.origin for template in known}) == 1

    async def ask(self, turn: int, number: int, asker: Asker) -> None:
        """Asks, and goes on while its connection stands.

        Where there is none it connects before, within the same time-out, and asks once.

        Raises:
            NoAnswer: there is none to the last that was asked.
        """
        template = self._templates[turn % len(self._templates)]
        request = template.with_number(number)
        connection = self._connections.get(template.origin)
        if connection is not None and connection.open:
            if not connection.stale:
                await connection.ask(request, asker.answered, self._again(asker))
                return
            connection.close()
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connect(template.origin)
                await connection.ask(request, asker.answered, nothing_more)
        except TimeoutError:
            raise NoAnswer(ErrorKind.TIMEOUT, "no answer in time") from None
        finally:
            if not self._keep_alive:
                self.close()

    def _again(self, asker: Asker) -> Callable[[], Pieces | None]:
        known = self._templates

        def again() -> Pieces | None:
            following = asker.again()
            if following is None:
                return None
            turn, number = following
            return known[turn % len(known)].with_number(number)

        return again if self._one_server else nothing_more

    async def connect(self) -> None:
        """Connects beforehand; a failure is told when something is asked."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connect(self._templates[0].origin)
        except (NoAnswer, TimeoutError):
            pass

    async def _connect(self, origin: Origin) -> Connection:
        made = await self._places[origin].connect()
        self._connections[origin] = made
        return made

    def close(self) -> None:
        """Hangs up."""
        for connection in self._connections.values():
            connection.close()

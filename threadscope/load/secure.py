"""Clients of https://, by aiohttp with everything left out that a load does not need."""

from __future__ import annotations

import asyncio
import socket
import time
from types import TracebackType

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import ResolveResult
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict
from yarl import URL

from threadscope.load.address import CLIENT_FIELD, is_loopback
from threadscope.load.answer import Answer, ErrorKind, NoAnswer, failed_connection
from threadscope.load.asker import Asker
from threadscope.load.connection import IDLE_S
from threadscope.load.plan import LoadPlan
from threadscope.load.request import NUMBER_HEADER, fixed_headers


class LeanRequest(ClientRequest):
    """Sends the given headers and no others, in the given order."""

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Takes them as they are: aiohttp would put Host first."""
        self.headers = CIMultiDict(headers or {})

    def update_auto_headers(self, skip_auto_headers: object) -> None:
        """Adds none: Accept, Accept-Encoding and the like are bytes that nobody reads."""


class LocalResolver(ThreadedResolver):
    """Knows this machine's addresses only."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As there.

        Raises:
            OSError: the name is none of this machine.
        """
        found = await super().resolve(host, port, family)
        mine = [one for one in found if is_loopback(one["host"])]
        if not mine:
            raise OSError(f"{host} is not this machine")
        return mine


class SecureClients:
    """Clients that share a session. Certificates of other machines are checked, ours are not."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan

    async def __aenter__(self) -> SecureClients:
        trusted = all(is_loopback(URL(url).host or "") for url in self._plan.urls)
        self._session = ClientSession(
            connector=TCPConnector(
                limit=0,
                ssl=not trusted,
                force_close=not self._plan.keep_alive,
                keepalive_timeout=IDLE_S if self._plan.keep_alive else None,
                resolver=None if self._plan.allow_remote else LocalResolver(),
            ),
            cookie_jar=DummyCookieJar(),
            request_class=LeanRequest,
            timeout=ClientTimeout(total=self._plan.timeout_s),
            auto_decompress=False,
        )
        # A repeated request would reach the server twice and be counted here once. aiohttp has no
        # public switch; its own test client uses this one.
        self._session._retry_connection = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    @property
    def bodies(self) -> dict[str, int]:
        """None are kept: only demos want them, and these are plain HTTP."""
        return {}

    def new(self, number: int) -> SecureClient:
        """The client with this number, counted from 1."""
        return SecureClient(self._plan, self._session, number)


class SecureClient:
    """A client that takes its connections from the session."""

    def __init__(self, plan: LoadPlan, session: ClientSession, number: int) -> None:
        self._plan, self._session = plan, session
        urls = [url.replace(CLIENT_FIELD, str(number)) for url in plan.urls]
        self._requests = [
            (URL(url, encoded=True).with_user(None), fixed_headers(plan, url)) for url in urls
        ]

    async def ask(self, turn: int, number: int, asker: Asker) -> None:
        """Asks once, and reads the whole body without keeping it.

        Raises:
            NoAnswer: there is none.
        """
        url, fixed = self._requests[turn % len(self._requests)]
        numbered = [(NUMBER_HEADER, str(number))] if number else []
        size = 0
        try:
            async with self._session.request(
                self._plan.method,
                url,
                headers=[*numbered, *fixed],
                data=self._plan.body or None,
                allow_redirects=False,
            ) as response:
                async for chunk in response.content.iter_any():
                    size += len(chunk)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever it is, the request is over and must be counted
            raise no_answer(error) from error
        asker.answered(Answer(response.status, time.monotonic_ns(), size))

    async def connect(self) -> None:
        """Does nothing: aiohttp connects when something is asked."""

    def close(self) -> None:
        """Does nothing: the connections are the session's."""


def no_answer(error: Exception) -> NoAnswer:
    """What an exception of aiohttp means for the request."""
    if isinstance(error, asyncio.TimeoutError):
        return NoAnswer(ErrorKind.TIMEOUT, "no answer in time")
    if isinstance(error, ClientConnectorCertificateError | ClientConnectorSSLError):
        return NoAnswer(ErrorKind.OTHER, "no TLS connection: wrong protocol, or certificate")
    if isinstance(error, ClientConnectorDNSError):
        return NoAnswer(ErrorKind.OTHER, "nobody knows this host")
    if isinstance(error, ClientConnectorError):
        if error.os_error.errno is None:  # several addresses (::1, 127.0.0.1) refused, each
            return NoAnswer(ErrorKind.REFUSED, "connection refused")  # in words of its own
        return failed_connection(error.os_error)
    if isinstance(error, ClientPayloadError):
        return NoAnswer(ErrorKind.WRONG_LENGTH, "less came than the headers said")
    if isinstance(error, ClientResponseError):
        return NoAnswer(ErrorKind.GARBAGE, "what came is not HTTP")
    if isinstance(error, ServerDisconnectedError | ConnectionError):
        return NoAnswer(ErrorKind.RESET, "the server hung up without an answer")
    if isinstance(error, ClientOSError):
        return failed_connection(error)
    return NoAnswer(ErrorKind.OTHER, type(error).__name__)

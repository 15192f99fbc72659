"""The HTTP client: aiohttp with everything left out that a load does not need."""

from __future__ import annotations

import asyncio
import errno
from enum import IntEnum

from aiohttp import (
    ClientConnectorError,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    hdrs,
)
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict, istr
from yarl import URL

from threadscope.probe import layout as L

CLIENT_HEADER = istr(L.CLIENT_HEADER.decode())
USER_AGENT = "threadscope"


class ErrorKind(IntEnum):
    """Why a request got no whole answer; the number is in its DONE record."""

    NONE = 0
    REFUSED = 1
    RESET = 2
    TIMEOUT = 3
    OTHER = 4


class LeanRequest(ClientRequest):
    """Sends the given headers and no others, in the given order."""

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Takes them as they are: aiohttp would put Host first."""
        self.headers = CIMultiDict(headers or {})

    def update_auto_headers(self, skip_auto_headers: object) -> None:
        """Adds none: Accept, Accept-Encoding and the like are bytes that nobody reads."""


def new_session(timeout_s: float) -> ClientSession:
    """A session whose requests may take `timeout_s` each; needs a running event loop."""
    session = ClientSession(
        connector=TCPConnector(limit=0),
        cookie_jar=DummyCookieJar(),
        request_class=LeanRequest,
        timeout=ClientTimeout(total=timeout_s),
        auto_decompress=False,
    )
    # A repeated request would reach the server twice and be counted here once. aiohttp has no
    # public switch; its own test client uses this one.
    session._retry_connection = False
    return session


def fixed_headers(url: URL) -> dict[str, str]:
    """What follows the request's number in each request to this URL."""
    return {hdrs.HOST: url.host_port_subcomponent or "", hdrs.USER_AGENT: USER_AGENT}


def error_kind(error: Exception) -> ErrorKind:
    """What an exception of aiohttp means for the request."""
    if isinstance(error, asyncio.TimeoutError):
        return ErrorKind.TIMEOUT
    if isinstance(error, ClientConnectorError):
        # errno is None where several addresses (::1, 127.0.0.1) refused in different words
        refused = error.os_error.errno in (errno.ECONNREFUSED, None)
        return ErrorKind.REFUSED if refused else ErrorKind.OTHER
    if isinstance(error, ServerDisconnectedError | ClientPayloadError | ConnectionError):
        return ErrorKind.RESET
    if isinstance(error, ClientOSError) and error.errno in (errno.ECONNRESET, errno.EPIPE):
        return ErrorKind.RESET
    return ErrorKind.OTHER

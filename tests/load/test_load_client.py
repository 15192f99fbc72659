from __future__ import annotations

import errno

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from threadscope.load.client import ErrorKind, error_kind

KEY = ConnectionKey("127.0.0.1", 80, False, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), ErrorKind.TIMEOUT),
        (aiohttp.ServerTimeoutError(), ErrorKind.TIMEOUT),
        (aiohttp.ConnectionTimeoutError(), ErrorKind.TIMEOUT),
        (aiohttp.ServerDisconnectedError(), ErrorKind.RESET),
        (aiohttp.ClientPayloadError("half a body"), ErrorKind.RESET),
        (aiohttp.ClientConnectionResetError("closing"), ErrorKind.RESET),
        (aiohttp.ClientOSError(errno.ECONNRESET, "reset"), ErrorKind.RESET),
        (aiohttp.ClientOSError(errno.EPIPE, "pipe"), ErrorKind.RESET),
        (aiohttp.ClientOSError(errno.EIO, "io"), ErrorKind.OTHER),
        (aiohttp.InvalidURL("x"), ErrorKind.OTHER),
        (ValueError("surprise"), ErrorKind.OTHER),
    ],
)
def test_what_went_wrong(error, kind):
    assert error_kind(error) is kind


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ErrorKind.REFUSED),
        (OSError("Multiple exceptions: refused, refused"), ErrorKind.REFUSED),
        (OSError(errno.EMFILE, "too many open files"), ErrorKind.OTHER),
    ],
)
def test_why_no_connection_was_made(cause, kind):
    assert error_kind(aiohttp.ClientConnectorError(KEY, cause)) is kind

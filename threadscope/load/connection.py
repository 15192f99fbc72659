"""One connection of plain HTTP/1.1, with one request at a time on it: the load's hot path.

A generator must cost less than the server that it asks. aiohttp's client takes about as long for
a request as a small endpoint does; a parser in C on a bare protocol takes a fraction of that.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from threadscope.load.answer import Answer, ErrorKind, NoAnswer

MAX_HEAD = 64 << 10
"""So many bytes without one of a body among them are no answer: endless headers, or worse."""
KEPT_BODIES, KEPT_OF_BODY = 1000, 200
"""So many different ones, and so many bytes of each."""
LENGTH_HEADERS = (b"content-length", b"transfer-encoding")
LENGTHS = frozenset(map(len, LENGTH_HEADERS))


class Deadlines:
    """Time-outs of many requests. All wait equally long, so the oldest is always the first."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._waiting: dict[Connection, float] = {}

    def add(self, connection: Connection) -> None:
        """A request was asked."""
        self._waiting[connection] = time.monotonic() + self._timeout_s

    def remove(self, connection: Connection) -> None:
        """It is over."""
        self._waiting.pop(connection, None)

    async def keep(self) -> None:
        """Gives up what is overdue, until it is cancelled."""
        while True:
            now = time.monotonic()
            first = next(iter(self._waiting.items()), None)
            if first is not None and first[1] <= now:
                self.remove(first[0])
                first[0].give_up()
            else:
                await asyncio.sleep(first[1] - now if first else self._timeout_s)


class Connection(asyncio.Protocol):
    """A connection from its begin to its end. It is never made anew, and asks nothing twice.

    Args:
        deadlines: ends what takes too long.
        bodiless: answers have no body though their headers tell its length, as with HEAD.
    """

    def __init__(self, deadlines: Deadlines, *, bodiless: bool) -> None:
        self._deadlines, self._bodiless = deadlines, bodiless
        self._new_future = asyncio.get_running_loop().create_future
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser = HttpResponseParser(self)
        self._status = self._size = self._head = 0
        self._delimited = self._complete = self._last = False

    @property
    def open(self) -> bool:
        """Whether something can be asked."""
        return self._transport is not None

    async def ask(self, request: tuple[bytes, ...]) -> Answer:
        """Sends a request in its pieces and waits for the answer.

        Raises:
            NoAnswer: there is none.
        """
        transport = self._transport
        if transport is None:
            raise NoAnswer(ErrorKind.RESET, "the server hung up at once")
        self._waiter = waiter = self._new_future()
        self._status = self._size = self._head = 0
        self._delimited = self._complete = False
        self._deadlines.add(self)
        if len(request) == 1:
            transport.write(request[0])
        else:
            transport.writelines(request)
        try:
            answer: Answer = await waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._deadlines.remove(self)
        return answer

    def give_up(self) -> None:
        """It took too long."""
        self._fail(ErrorKind.TIMEOUT, "no answer in time")

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _fail(self, kind: ErrorKind, why: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(NoAnswer(kind, why))
        self.close()

    # -- what the event loop tells -------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        t, waiter = time.monotonic_ns(), self._waiter
        if waiter is None or waiter.done():
            self.close()  # nothing was asked: it cannot be trusted any more
            return
        self._head += len(data)
        broken = False
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._complete = broken = True
        except HttpParserError:
            broken = True
        if not self._complete:
            if broken or self._head > MAX_HEAD:
                self._fail(ErrorKind.GARBAGE, "what came is not HTTP")
        elif broken and self._status >= 200:
            self._fail(ErrorKind.WRONG_LENGTH, "more came than the headers said")
        else:
            waiter.set_result(Answer(self._status, t, self._size))
            if broken or self._last:
                self.close()
            elif self._bodiless:
                self._parser = HttpResponseParser(self)  # the old one waits for the body

    def connection_lost(self, error: Exception | None) -> None:
        """It ended: with an answer that has no other end, or without one."""
        t, waiter, self._transport = time.monotonic_ns(), self._waiter, None
        if waiter is None or waiter.done():
            return
        if not self._status:
            self._fail(ErrorKind.RESET, "the server hung up without an answer")
        elif self._delimited:
            self._fail(ErrorKind.WRONG_LENGTH, "less came than the headers said")
        elif error is not None:
            self._fail(ErrorKind.RESET, "the server hung up in its answer")
        else:
            waiter.set_result(Answer(self._status, t, self._size))

    # -- what the parser tells -----------------------------------------------------------------
    def on_header(self, name: bytes, value: bytes) -> None:
        """Only whether the body's length is told matters."""
        if len(name) in LENGTHS and name.lower() in LENGTH_HEADERS:
            self._delimited = True

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._complete:
            raise ValueError("two answers to one request")
        status = self._parser.get_status_code()
        if status >= 200 or status == 101:  # the others announce the answer proper
            self._status = status
            self._last = not self._parser.should_keep_alive()  # the parser knows only here
            self._complete = self._bodiless

    def on_body(self, body: bytes) -> None:
        """A part of the body: counted, and dropped."""
        self._size += len(body)
        self._head = 0

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self._complete = bool(self._status)


class KeepingConnection(Connection):
    """One that counts what the answers say, as far as it has room.

    Args:
        deadlines: as above.
        bodiless: as above.
        bodies: takes them, by their texts.
    """

    def __init__(self, deadlines: Deadlines, *, bodiless: bool, bodies: Counter[str]) -> None:
        super().__init__(deadlines, bodiless=bodiless)
        self._bodies, self._body = bodies, b""

    def on_body(self, body: bytes) -> None:
        """A part of the body, of which the begin is kept."""
        super().on_body(body)
        self._body += body[: KEPT_OF_BODY - len(self._body)]

    def on_message_complete(self) -> None:
        """The answer is whole."""
        super().on_message_complete()
        text, self._body = self._body.decode(errors="replace"), b""
        if text in self._bodies or len(self._bodies) < KEPT_BODIES:
            self._bodies[text] += 1

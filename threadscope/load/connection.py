"""One connection of plain HTTP/1.1, with one request at a time on it: the load's hot path.

A generator must cost less than the server that it asks. aiohttp's client takes about as long for
a request as a small endpoint does; a parser in C on a bare protocol takes a fraction of that.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from threadscope.load.answer import Answer, ErrorKind, NoAnswer
from threadscope.load.request import Pieces

MAX_HEAD = 64 << 10
"""So many bytes without one of a body among them are no answer: endless headers, or worse."""
KEPT_BODIES, KEPT_OF_BODY = 1000, 200
"""So many different ones, and so many bytes of each."""
KNOWN_ANSWERS, KNOWN_SIZE = 256, 1024
"""So many different ones are known by heart, of so many bytes at most."""
IDLE_S = 4.0
"""What nobody asked anything on for so long is not used again: servers hang up on such connections
(uvicorn after 5 s), and one that does so just as we ask leaves a request without an answer."""
LENGTH_HEADERS = (b"content-length", b"transfer-encoding")
LENGTHS = frozenset(map(len, LENGTH_HEADERS))


def nothing_more() -> None:
    """No request follows."""


class Deadlines:
    """Time-outs of many requests. All wait equally long, so the oldest is always the first."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._waiting: dict[Connection, float] = {}

    def add(self, connection: Connection) -> None:
        """A request was asked; the one before it is over."""
        self._waiting.pop(connection, None)  # so that the latest comes last
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


class Known:
    """Answers that came before: the same bytes mean the same, and need no parser.

    Most answers of a load are the same but for their date, which changes once a second.

    Args:
        up_to: larger ones are not kept, bytes.
    """

    def __init__(self, up_to: int = KNOWN_SIZE) -> None:
        self._up_to = up_to
        self._meanings: dict[bytes, tuple[int, int]] = {}
        self.get = self._meanings.get
        """The status of a whole answer, and the bytes of its body; None: not known."""

    def add(self, data: bytes, status: int, size: int) -> None:
        """An answer came in one piece, with nothing behind it, and its connection stays."""
        if len(data) <= self._up_to:
            if len(self._meanings) >= KNOWN_ANSWERS:
                self._meanings.clear()
            self._meanings[data] = status, size


class Connection(asyncio.Protocol):
    """A connection from its begin to its end. It is never made anew, and asks nothing twice.

    Args:
        deadlines: ends what takes too long.
        known: answers to requests of the same method.
        bodiless: answers have no body though their headers tell its length, as with HEAD.
    """

    def __init__(self, deadlines: Deadlines, known: Known, *, bodiless: bool) -> None:
        self._deadlines, self._known, self._bodiless = deadlines, known, bodiless
        self._new_future = asyncio.get_running_loop().create_future
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._parser = HttpResponseParser(self)
        self._status = self._size = self._head = 0
        self._delimited = self._complete = self._last = False
        self._idle_since = 0.0

    @property
    def open(self) -> bool:
        """Whether something can be asked."""
        return self._transport is not None

    @property
    def stale(self) -> bool:
        """Whether it has had nothing to do for so long that its server may be hanging up on it."""
        return time.monotonic() - self._idle_since >= IDLE_S

    async def ask(
        self,
        request: Pieces,
        answered: Callable[[Answer], None],
        again: Callable[[], Pieces | None],
    ) -> None:
        """Sends a request, and further ones as long as each is answered and there is another.

        Those go out as soon as an answer is whole, and wake no task. There is no recursion in it:
        what comes of a request comes in an iteration of the event loop of its own.

        Args:
            request: the first.
            answered: is told each answer.
            again: gives the next request; is not called once the connection has ended.

        Raises:
            NoAnswer: there is none to the last that was sent.
        """
        if self._transport is None:
            raise NoAnswer(ErrorKind.RESET, "the server hung up at once")
        self._waiter = waiter = self._new_future()
        self._answered, self._again = answered, again
        self._send(self._transport, request)
        try:
            await waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._deadlines.remove(self)
            self._idle_since = time.monotonic()

    def give_up(self) -> None:
        """It took too long."""
        self._fail(ErrorKind.TIMEOUT, "no answer in time")

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _send(self, transport: asyncio.WriteTransport, request: Pieces) -> None:
        self._status = self._size = self._head = 0
        self._delimited = self._complete = False
        self._deadlines.add(self)
        if len(request) == 1:
            transport.write(request[0])
        else:
            transport.writelines(request)

    def _whole(self, waiter: asyncio.Future[None], answer: Answer) -> None:
        self._answered(answer)
        transport = self._transport
        if transport is None or (request := self._again()) is None:
            waiter.set_result(None)
        else:
            self._send(transport, request)

    def _fail(self, kind: ErrorKind, why: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(NoAnswer(kind, why))
        self.close()

    # -- what the event loop tells -------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._idle_since = time.monotonic()
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        t, waiter = time.monotonic_ns(), self._waiter
        if waiter is None or waiter.done():
            self.close()  # nothing was asked: it cannot be trusted any more
            return
        in_one_piece = not (self._head or self._size)
        if in_one_piece and (meaning := self._known.get(data)) is not None:
            self._whole(waiter, Answer(meaning[0], t, meaning[1]))
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
            if broken or self._last:
                self.close()
            elif self._bodiless:
                self._parser = HttpResponseParser(self)  # the old one waits for the body
            if in_one_piece and self.open:
                self._known.add(data, self._status, self._size)
            self._whole(waiter, Answer(self._status, t, self._size))

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
            self._whole(waiter, Answer(self._status, t, self._size))

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
    """One that counts what the answers say, as far as it has room: it parses each of them.

    Args:
        deadlines: as above.
        bodiless: as above.
        bodies: takes them, by their texts.
    """

    def __init__(self, deadlines: Deadlines, *, bodiless: bool, bodies: Counter[str]) -> None:
        super().__init__(deadlines, Known(up_to=0), bodiless=bodiless)
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

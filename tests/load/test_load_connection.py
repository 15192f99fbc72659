"""One connection: what it sends when, and what it takes for an answer."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import socket

import pytest

from tests.load.raw_server import raw_server, says
from threadscope.load import connection as connections
from threadscope.load.answer import ErrorKind, NoAnswer
from threadscope.load.asker import Asker, Orders
from threadscope.load.clients import PlainClients
from threadscope.load.connection import (
    KNOWN_ANSWERS,
    KNOWN_SIZE,
    Connection,
    Deadlines,
    Known,
)
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.tally import Tally

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
HELLO = HEAD % 5 + b"hello"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"


class Talk:
    """A connection to a real socket, what is asked on it, and what was answered."""

    def __init__(self, connection: Connection, peer: socket.socket) -> None:
        self.connection, self._peer = connection, peer
        self.following: list[bytes] = []
        self.answers: list[tuple[int, int]] = []
        self.task: asyncio.Task[None] | None = None

    async def begin(self, *requests: bytes) -> None:
        first, *self.following = requests
        again, told = self._again, self._told
        self.task = asyncio.create_task(self.connection.ask((first,), told, again))
        await asyncio.sleep(0)

    def sent(self) -> bytes:
        """What has reached the other end by now."""
        return self._peer.recv(1000)

    def _told(self, answer):
        self.answers.append((answer.status, answer.size))

    def _again(self):
        return (self.following.pop(0),) if self.following else None


@contextlib.asynccontextmanager
async def talk(*, bodiless: bool = False):
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setblocking(False)
        connection = Connection(Deadlines(60), Known(), bodiless=bodiless)
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
        yield Talk(connection, theirs)
        connection.close()


def in_a_loop(test):
    @functools.wraps(test)
    def run():
        asyncio.run(test())

    return run


@in_a_loop
async def test_the_next_request_goes_out_with_the_answer_and_wakes_nobody():
    async with talk() as one:
        await one.begin(b"first", b"second", b"third")
        assert one.sent() == b"first"
        one.connection.data_received(HELLO)  # no await: nothing else of the loop runs here
        assert one.sent() == b"second"
        one.connection.data_received(HELLO[:30])
        with pytest.raises(BlockingIOError):
            one.sent()
        one.connection.data_received(HELLO[30:])
        assert one.sent() == b"third"
        assert not one.task.done()
        one.connection.data_received(HELLO)
        await one.task
    assert one.answers == [(200, 5)] * 3


@in_a_loop
async def test_nothing_follows_on_a_connection_that_ends():
    async with talk() as one:
        await one.begin(b"first", b"second")
        one.connection.data_received(LAST)
        await one.task
        assert one.following == [b"second"]
        assert not one.connection.open
    assert one.answers == [(200, 2)]


@in_a_loop
async def test_a_failure_is_that_of_the_last_request():
    async with talk() as one:
        await one.begin(b"first", b"second")
        one.connection.data_received(HELLO)
        one.connection.give_up()
        with pytest.raises(NoAnswer) as caught:
            await one.task
    assert caught.value.kind is ErrorKind.TIMEOUT
    assert one.answers == [(200, 5)]


@in_a_loop
async def test_the_bytes_of_a_known_answer_mean_it_only_where_an_answer_begins():
    async with talk() as one:
        await one.begin(*[b"request"] * 5)
        one.connection.data_received(HELLO)
        one.connection.data_received(HEAD % len(HELLO))
        assert len(one.answers) == 1
        one.connection.data_received(HELLO)  # the body
        assert one.answers == [(200, 5), (200, len(HELLO))]
        long = HEAD % (2 * len(HELLO))
        one.connection.data_received(long + HELLO)
        one.connection.data_received(HELLO)
        one.connection.data_received(HELLO)
        assert one.answers[2:] == [(200, 2 * len(HELLO)), (200, 5)]
        one.connection.data_received(HELLO[:-1])
        assert len(one.answers) == 4
        one.connection.data_received(HELLO[-1:])
        await one.task
    assert one.answers[4:] == [(200, 5)]


@in_a_loop
async def test_what_was_known_leaves_the_parser_where_it_was():
    other = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc"
    chunked = b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    said = [HELLO, other, HELLO, HELLO, chunked, other, chunked, HELLO]
    async with talk() as one:
        await one.begin(*[b"request"] * len(said))
        for answer in said:
            one.connection.data_received(answer)
        await one.task
    meaning = {HELLO: (200, 5), other: (404, 3), chunked: (500, 1)}
    assert one.answers == [meaning[answer] for answer in said]


@in_a_loop
async def test_the_answers_to_head_are_known_by_their_heads():
    async with talk(bodiless=True) as one:
        await one.begin(*[b"request"] * 3)
        for _ in range(3):
            one.connection.data_received(HEAD % 500)
        await one.task
    assert one.answers == [(200, 0)] * 3


def test_so_many_answers_are_known_and_none_that_is_long():
    known = Known()
    answers = [b"%d" % n for n in range(10 * KNOWN_ANSWERS)]
    for number, answer in enumerate(answers):
        known.add(answer, 200, number)
    kept = [answer for answer in answers if known.get(answer)]
    assert 0 < len(kept) <= KNOWN_ANSWERS
    assert known.get(answers[-1]) == (200, len(answers) - 1)
    known.add(b"x" * (KNOWN_SIZE + 1), 200, 1)
    assert known.get(b"x" * (KNOWN_SIZE + 1)) is None


@pytest.mark.parametrize(("idle_s", "made"), [(60.0, 1), (0.0, 4)])
def test_what_had_nothing_to_do_for_long_is_not_used_again(monkeypatch, idle_s, made):
    monkeypatch.setattr(connections, "IDLE_S", idle_s)

    async def four_requests(plan):
        orders = Orders(plan, Tally(plan), None, itertools.count(1).__next__)
        async with PlainClients(plan) as clients:
            client, asker = clients.new(1), Asker(1, orders)
            for _ in range(4):
                await client.ask(*asker.ask(None), asker)
            client.close()
        return orders.tally.answered

    with raw_server(says(HELLO)) as raw:
        assert asyncio.run(four_requests(LoadPlan(raw.url, model=Model.OPEN, rate=1.0))) == 4
        assert raw.connections == made

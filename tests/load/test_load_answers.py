"""What a load makes of the answers, right and wrong, that servers give."""

from __future__ import annotations

import itertools
import time

import psutil
import pytest

from tests.load.raw_server import raw_server, says
from threadscope.load.connection import MAX_HEAD
from threadscope.load.messages import Result
from threadscope.load.plan import LoadPlan

pytestmark = pytest.mark.integration

HEAD = b"HTTP/1.1 200 OK\r\n"
MEMORY_MB = 300


def run(load, answer, *, requests=6, clients=2, timeout_s=20.0, **more) -> tuple[Result, object]:
    with raw_server(answer) as raw:
        plan = LoadPlan(raw.url, clients=clients, requests=requests, timeout_s=timeout_s, **more)
        result = load.run(plan)
    assert result.started == result.completed + result.failed + result.cut_off == requests
    return result, raw


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello", 5),
        (HEAD + b"Content-Length: 0\r\n\r\n", 0),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: x\r\n\r\n", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\na", 1),
        (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\na", 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 0),
    ],
)  # fmt: skip
def test_whole_answers_on_connections_that_stay(load, answer, size):
    result, raw = run(load, says(answer))
    assert result.completed == 6
    assert (result.errors, result.received_bytes) == ({}, 6 * size)
    assert len(raw.asked) == 6
    assert raw.connections == 2


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (HEAD + b"\r\nuntil the end", 13),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", 2),
        (HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nab", 2),
    ],
)
def test_whole_answers_on_connections_that_end(load, answer, size):
    result, raw = run(load, says(answer, stay=False))
    assert (result.completed, result.received_bytes) == (6, 6 * size)
    assert raw.connections == len(raw.asked) == 6


def test_answers_in_the_smallest_pieces(load):
    def drip(connection, _):
        for byte in HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
            connection.sendall(bytes((byte,)))
        return True

    result, _ = run(load, drip)
    assert (result.completed, result.received_bytes) == (6, 18)


def test_head_has_no_body_whatever_its_length_says(load):
    result, raw = run(load, says(HEAD + b"Content-Length: 500\r\n\r\n"), method="HEAD")
    assert (result.completed, result.received_bytes, raw.connections) == (6, 0, 2)
    assert raw.asked[0].startswith(b"HEAD / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "reset"),
        (b"HTTP/1.1 200", "reset"),
        (HEAD + b"Content-Length: 9\r\n\r\nhalf", "wrong_length"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", "wrong_length"),
        (HEAD + b"Content-Length: 2\r\n\r\ntoo long", "wrong_length"),
        (2 * (HEAD + b"Content-Length: 2\r\n\r\nab"), "wrong_length"),
        (b"SMTP ready\r\n\r\n", "garbage"),
        (b"\x16\x03\x01\x02\x00" * 9, "garbage"),
        (HEAD + b"Content-Length: x\r\n\r\n", "garbage"),
        (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab", "garbage"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense", "garbage"),
    ],
)  # fmt: skip
def test_what_is_no_whole_answer(load, answer, kind):
    result, raw = run(load, says(answer, stay=False))
    assert result.errors == {kind: 6}
    assert (result.statuses, result.in_measure) == ({}, 0)
    assert len(raw.asked) == 6, "none is asked again silently"


def test_a_switch_of_protocols_is_an_answer(load):
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    result, raw = run(load, says(answer))
    assert result.statuses == {"101": 6}
    assert raw.connections == 6


@pytest.mark.parametrize("start", [HEAD + b"X: ", HEAD + b"X: y\r\n" * 5, b"HTTP/1.1 200 "])
def test_an_endless_head_is_no_answer(load, start):
    def pour(connection, _):
        connection.sendall(start)
        for _ in itertools.repeat(None):
            connection.sendall(b"x" * 1000)

    result, _ = run(load, pour)
    assert result.errors == {"garbage": 6}
    assert psutil.Process(load.pid).memory_info().rss < MEMORY_MB * 1_000_000
    assert MAX_HEAD < 1_000_000


@pytest.mark.parametrize("head", [b"Content-Length: 99999999999\r\n\r\n", b"\r\n"])
def test_an_endless_body_is_counted_and_not_kept(load, head):
    def pour(connection, _):
        connection.sendall(HEAD + head)
        for _ in itertools.repeat(None):
            connection.sendall(b"x" * 100_000)

    result, _ = run(load, pour, requests=4, timeout_s=0.5)
    assert result.errors == {"timeout": 4}
    assert psutil.Process(load.pid).memory_info().rss < MEMORY_MB * 1_000_000


def test_a_long_body_is_read_to_its_end(load):
    def long(connection, _):
        connection.sendall(HEAD + b"Content-Length: 30000000\r\n\r\n")
        connection.sendall(b"x" * 30_000_000)
        return True

    result, _ = run(load, long, requests=4)
    assert (result.completed, result.received_bytes) == (4, 120_000_000)
    assert psutil.Process(load.pid).memory_info().rss < MEMORY_MB * 1_000_000


def test_a_connection_that_was_closed_meanwhile_is_made_anew(load):
    def once(connection, _):
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nab")
        return False  # without having said so

    result, raw = run(load, once, clients=1, requests=5)
    assert result.completed + result.errors.get("reset", 0) == 5
    assert len(raw.asked) <= 5


def test_each_of_many_requests_has_the_whole_time_out(load):
    def dawdle(connection, _):
        time.sleep(0.05)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nab")
        return True

    result, raw = run(load, dawdle, clients=1, requests=30, timeout_s=1.0)
    assert (result.completed, raw.connections) == (30, 1), "1.5 s in all, and none late"


def test_a_server_that_falls_silent_fails_the_request_that_it_was_asked_then(load):
    def twice(connection, number):
        if number < 2:
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nab")
        return True

    result, raw = run(load, twice, clients=1, requests=6, timeout_s=0.3)
    assert (result.completed, result.errors) == (4, {"timeout": 2})
    assert (raw.connections, len(raw.asked)) == (2, 6)


def test_different_answers_on_one_connection_are_told_apart(load):
    said = [
        HEAD + b"Content-Length: 2\r\n\r\nab",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    ]

    def turn(connection, number):
        connection.sendall(said[number % 3])
        return True

    result, raw = run(load, turn, clients=1, requests=30)
    assert result.statuses == {"200": 20, "404": 10}
    assert (result.received_bytes, raw.connections) == (100, 1)

from __future__ import annotations

import pytest

from threadscope.load.plan import LoadPlan
from threadscope.load.request import JOINED_UP_TO, Origin, templates

URL = "http://127.0.0.1:8000/a?b=c"


def sent(plan, client=1, number=7, turn=0):
    return b"".join(templates(plan, client)[turn].with_number(number))


def test_the_number_comes_first_and_nothing_superfluous():
    assert sent(LoadPlan(URL)) == (
        b"GET /a?b=c HTTP/1.1\r\nx-threadscope-request: 7\r\nhost: 127.0.0.1:8000\r\n\r\n"
    )


def test_without_a_number_there_is_no_header_for_it():
    assert sent(LoadPlan(URL), number=0) == (b"GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n\r\n")


def test_each_client_and_each_turn_has_its_own():
    plan = LoadPlan("http://localhost/{client}", further_urls=("http://[::1]:81", URL))
    assert [t.origin for t in templates(plan, 3)] == [
        Origin("localhost", 80), Origin("::1", 81), Origin("127.0.0.1", 8000),
    ]  # fmt: skip
    assert sent(plan, 3).startswith(b"GET /3 HTTP/1.1\r\n")
    assert sent(plan, 3, turn=1).startswith(b"GET / HTTP/1.1\r\n")
    assert b"host: [::1]:81\r\n" in sent(plan, 3, turn=1)


def test_headers_of_ones_own_take_the_place_of_ours():
    request = sent(LoadPlan(URL, headers=(("Host", "app.test"), ("X-One", "1"), ("X-One", "ü"))))
    assert request.count(b"ost: ") == 1
    assert request.endswith("\r\nHost: app.test\r\nX-One: 1\r\nX-One: ü\r\n\r\n".encode("latin-1"))


def test_a_password_in_the_url_becomes_a_header():
    request = sent(LoadPlan("http://me:s%3Acret@127.0.0.1:8000/"))
    assert b"host: 127.0.0.1:8000\r\n" in request
    assert b"authorization: Basic bWU6czpjcmV0\r\n" in request
    given = LoadPlan("http://me:x@127.0.0.1/", headers=(("Authorization", "Bearer y"),))
    assert b"Basic" not in sent(given)


@pytest.mark.parametrize("size", [1, JOINED_UP_TO, JOINED_UP_TO + 1])
def test_a_body_tells_its_length(size):
    request = sent(LoadPlan(URL, method="POST", body=b"x" * size))
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"content-length: {size}".encode() in head
    assert body == b"x" * size


def test_a_large_body_is_never_copied():
    body = b"x" * 100_000
    [template] = templates(LoadPlan(URL, method="PUT", body=body), 1)
    assert template.with_number(1)[1] is body


@pytest.mark.parametrize(("method", "told"), [("POST", True), ("GET", False), ("DELETE", False)])
def test_no_body_is_told_where_one_is_usual(method, told):
    assert (b"content-length: 0" in sent(LoadPlan(URL, method=method))) is told


def test_a_connection_for_each_request_is_said():
    assert b"\r\nconnection: close\r\n" in sent(LoadPlan(URL, keep_alive=False))

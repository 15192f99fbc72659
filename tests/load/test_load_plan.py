from __future__ import annotations

import pytest

from threadscope.load.plan import MAX_BODY, MAX_CLIENTS, MAX_RATE, LoadPlan, Model

URL = "http://127.0.0.1:8000/"


@pytest.mark.parametrize(
    "url",
    [
        URL, "http://localhost/x?y=1", "http://[::1]:80/{client}", "http://127.1.2.3:1",
        "https://127.0.0.1/", "http://me:secret@localhost/",
    ],
)  # fmt: skip
def test_this_machine_may_be_asked(url):
    assert LoadPlan(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:8000", "/x", "ftp://127.0.0.1/", "http://", "http:///x", "http://[::1",
        "http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://127.0.0.1/a b",
        "http://127.0.0.1/ü", "http://127.0.0.1/\r\nx: y",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused_in_one_line(url):
    with pytest.raises(ValueError, match="a URL must be http:// or https://, as in") as caught:
        LoadPlan(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["example.com", "0.0.0.0", "10.0.0.1", "127.0.0.1.example.com", "localhost.evil"]
)
def test_other_machines_need_leave(host):
    with pytest.raises(ValueError, match=f"{host} is not this machine: say --allow-remote"):
        LoadPlan(f"http://{host}/")
    assert LoadPlan(f"http://{host}/", allow_remote=True)
    with pytest.raises(ValueError, match="is not this machine"):
        LoadPlan(URL, further_urls=(f"http://{host}/",))


@pytest.mark.parametrize(
    "url", ["http://me:secret@127.0.0.1:99999/", "me:secret@x", "http://me:secret@[::1/"]
)
def test_a_bad_url_is_told_without_its_password(url):
    with pytest.raises(ValueError, match="URL") as caught:
        LoadPlan(url)
    assert "secret" not in str(caught.value)


def test_nothing_secret_is_in_its_repr():
    plan = LoadPlan(
        "http://me:secret@127.0.0.1/", further_urls=("http://127.0.0.1/?token=secret",),
        headers=(("authorization", "secret"),), body=b"secret",
    )  # fmt: skip
    assert "secret" not in repr(plan)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clients": 0}, "clients must be 1 to 10000, not 0"),
        ({"clients": MAX_CLIENTS + 1}, "clients must be 1 to 10000, not 10001"),
        ({"seconds": 0}, "seconds must be more than 0"),
        ({"seconds": float("nan")}, "seconds must be more than 0"),
        ({"requests": 0}, "requests must be 1 or more"),
        ({"timeout_s": -1.0}, "time-out must be more than 0"),
        ({"settle_s": -0.1}, "settle must be 0 seconds or more"),
        ({"model": Model.OPEN}, "a rate belongs to the open model"),
        ({"rate": 5.0}, "a rate belongs to the open model"),
        ({"model": Model.OPEN, "rate": 0.0}, "the rate must be more than 0"),
        ({"model": Model.OPEN, "rate": float("nan")}, "the rate must be more than 0"),
        ({"model": Model.OPEN, "rate": 2 * MAX_RATE}, "up to 100000 a second"),
        ({"further_urls": ("https://127.0.0.1/",)}, "all http:// or all https://"),
        ({"method": "GET /x"}, "'GET /x' is no method: say GET, POST"),
        ({"method": "CONNECT"}, "'CONNECT' is no method"),
        ({"headers": (("a b", "c"),)}, "'a b' is no name of a header"),
        ({"headers": (("a", "x\r\ny"),)}, "the value of the header a has characters"),
        ({"headers": (("Content-Length", "3"),)}, "the load writes the header Content-Length"),
        ({"body": bytes(MAX_BODY + 1)}, "the body must be at most 8 MiB"),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(change, words):
    with pytest.raises(ValueError, match=words) as caught:
        LoadPlan(URL, **change)
    assert "\n" not in str(caught.value)


def test_the_limits_themselves_are_accepted():
    plan = LoadPlan(URL, clients=MAX_CLIENTS, seconds=0.001, requests=1, settle_s=0)
    assert plan.clients == MAX_CLIENTS
    assert LoadPlan(URL, model=Model.OPEN, rate=MAX_RATE, body=bytes(MAX_BODY)).rate == MAX_RATE


def test_routes_are_paths_without_queries():
    plan = LoadPlan(URL + "a?token=secret", further_urls=("http://localhost", URL + "b/{client}"))
    assert plan.routes() == ("/a", "/", "/b/{client}")
    assert LoadPlan(URL + "a/7", route="/a/{id}").routes() == ("/a/{id}",)


def test_what_has_an_end_of_its_own_is_not_live():
    assert LoadPlan(URL).live
    assert not LoadPlan(URL, seconds=1).live
    assert not LoadPlan(URL, requests=1).live
    burst = LoadPlan(URL, clients=7, requests=3, seconds=1, model=Model.BURST)
    assert (burst.live, burst.most) == (False, 7)

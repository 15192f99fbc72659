from __future__ import annotations

import pytest

from threadscope.load.plan import MAX_CLIENTS, LoadPlan

URL = "http://127.0.0.1:8000/"


@pytest.mark.parametrize(
    "url", [URL, "http://localhost/x?y=1", "http://[::1]:80/{client}", "http://127.1.2.3:1"]
)
def test_this_machine_may_be_asked(url):
    assert LoadPlan(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:8000", "https://127.0.0.1/", "http://example.com/", "http://0.0.0.0/",
        "http://10.0.0.1/", "http://127.0.0.1.example.com/", "http://127.0.0.1:99999/", "http://[::1",
    ],
)  # fmt: skip
def test_nothing_else_may(url):
    with pytest.raises(ValueError, match="the URL must be http:// on this machine"):
        LoadPlan(url)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("clients", 0, "clients must be 1 to 10000, not 0"),
        ("clients", MAX_CLIENTS + 1, "clients must be 1 to 10000, not 10001"),
        ("seconds", 0, "seconds must be more than 0"),
        ("seconds", float("nan"), "seconds must be more than 0"),
        ("requests", 0, "requests must be 1 or more"),
        ("timeout_s", -1.0, "time-out must be more than 0"),
        ("settle_s", -0.1, "settle must be 0 seconds or more"),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_line(field, value, words):
    with pytest.raises(ValueError, match=words) as caught:
        LoadPlan(URL, **{field: value})
    assert "\n" not in str(caught.value)


def test_the_limits_themselves_are_accepted():
    plan = LoadPlan(URL, clients=MAX_CLIENTS, seconds=0.001, requests=1, settle_s=0)
    assert plan.clients == MAX_CLIENTS


def test_each_client_has_its_own_url():
    plan = LoadPlan(URL + "{client}/a/{client}")
    assert plan.url_for(3) == URL + "3/a/3"
    assert LoadPlan(URL).url_for(3) == URL

"""Names: what is made of methods, routes and functions, and what fits into a slot."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadscope.model.records import endpoint
from threadscope.probe import layout as L
from threadscope.probe import names
from threadscope.probe.names import Names
from threadscope.probe.ring import RingWriter


def function(x): ...


async def coroutine(): ...


async def generator():
    yield


class CallsAsync:
    async def __call__(self): ...


class Calls:
    def __call__(self): ...

    def method(self): ...


@pytest.fixture
def known(tmp_path):
    writer = RingWriter(str(tmp_path), records=64)
    return Names(writer), writer


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (function, "def"),
        (Calls().method, "def"),
        (len, "def"),
        (coroutine, "async def"),
        (generator, "async def"),
        (CallsAsync(), "async def"),
        (Calls(), ""),
        (Calls, ""),
    ],
)
def test_kind(of, kind):
    assert names.kind(of) == kind


def test_place_and_title():
    assert names.place(function) == f"test_probe_names.py:{function.__code__.co_firstlineno}"
    assert names.place(len) == ""
    assert names.title(Calls().method) == "Calls.method"
    assert names.title(CallsAsync()) == "CallsAsync"


def test_place_looks_beneath_decorators():
    @functools.wraps(function)
    def wrapper(): ...

    assert names.place(wrapper) == names.place(function)


def _run_sync_endpoint(*, function):
    """As FastAPI wraps a `def` endpoint."""


def test_the_innermost_function():
    assert names.innermost(functools.partial(functools.partial(function, 1), 2)) is function
    assert names.innermost(functools.partial(_run_sync_endpoint, function=function)) is function
    assert names.innermost(functools.partial(len, function=function)) is len
    assert names.innermost(function) is function


@given(st.text(max_size=10), st.text(max_size=2000), st.text(max_size=100), st.text(max_size=100))
def test_whatever_the_names_they_fit_into_a_slot_or_are_cut(method, route, name, place):
    made = names.text(method, route, name, "async def", place)
    rest = len((method + name + "async def" + place).encode("utf-8", "replace"))
    if rest <= L.STRING_SIZE - 8:
        assert len(made.encode("utf-8", "replace")) <= L.STRING_SIZE - 2


def test_a_long_route_is_shortened_and_the_rest_is_kept():
    made = endpoint(names.text("GET", "/é" * 300, "f", "def", "x.py:1"))
    assert made.route.endswith("…")
    assert (made.method, made.name, made.kind, made.place) == ("GET", "f", "def", "x.py:1")


def test_no_more_than_200_paths(known):
    of, writer = known
    numbers = [of.path("GET", f"/{i}") for i in range(names.MAX_PATHS + 50)]
    assert len(set(numbers)) == names.MAX_PATHS + 1
    assert of.path("GET", "/0") == numbers[0]
    assert of.path("GET", "/new") == numbers[-1]
    assert writer.words[L.W_STRING_OVERFLOW] == 0


def test_functions_are_named_once(known):
    of, _ = known
    assert of.function(function) == of.function(function)
    assert of.function(function) != of.function(coroutine)
    made = [of.function(lambda i=i: i) for i in range(5)]
    assert len(set(made)) == 1, "closures of one place are one function"
    assert of.function(len) == of.function(print), "all of a type without code"

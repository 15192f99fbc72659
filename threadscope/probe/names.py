"""What a request and a hop are called: method, route, function, kind and place as one string.

Worked out once for each route or function; the hot path only looks the number up.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import MutableMapping
from contextvars import Context
from functools import partial
from typing import Any

from . import layout as L
from .ring import RingWriter

MAX_PATHS = 200
"""Apps without a router have only paths, which may carry ids: no more than this many of them."""
MAX_ENDPOINTS = 4000
NO_ROUTE = "(no route)"
OTHER_PATHS = "(other paths)"

Scope = MutableMapping[str, Any]
Named = tuple[int, int, Any, Any, int, int]
"""An endpoint: string number, flags, function, what the router chose (kept, so that its id stays
its own), its string number as a hop (the same: a ring has room for a thousand), and what a thread's
cell says while it runs it."""
UNNAMED: Named = (0, 0, None, None, 0, L.F_ENDPOINT << 48)
"""The router has not chosen yet."""


def innermost(function: Any) -> Any:
    """The function beneath partials, FastAPI's `_run_sync_endpoint` and `asyncio.to_thread`."""
    while type(function) is partial:
        inner, keywords = function.func, function.keywords
        if "function" in keywords and getattr(inner, "__name__", "") == "_run_sync_endpoint":
            inner = keywords["function"]
        elif type(getattr(inner, "__self__", None)) is Context and function.args:
            inner = function.args[0]  # asyncio.to_thread
        function = inner
    return function


def kind(function: Any) -> str:
    """`async def`, `def`, or "" for what is neither."""
    for candidate in (function, vars(type(function)).get("__call__")):
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            return "async def"
    return "def" if inspect.isroutine(function) else ""


def place(function: Any) -> str:
    """`cpu.py:14`, or "" for what is not written in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return ""
    return "%s:%d" % (os.path.basename(code.co_filename), code.co_firstlineno)


def title(function: Any) -> str:
    """A function's qualified name."""
    return str(getattr(function, "__qualname__", None) or type(function).__name__)[:100]


def text(method: str, route: str, name: str, kind: str, where: str) -> str:
    """The parts in one string, the route shortened when they do not fit into a slot."""
    room = L.STRING_SIZE - 8 - len((method + name + kind + where).encode("utf-8", "replace"))
    data = route.encode("utf-8", "replace")
    if len(data) > room:
        route = data[: max(room - 3, 0)].decode("utf-8", "ignore") + "…"
    return L.SEPARATOR.join((method, route, name, kind, where))


class Names:
    """String numbers of what was named so far, in one ring."""

    def __init__(self, ring: RingWriter) -> None:
        self._string = ring.string
        self.endpoints: dict[tuple[int, str], Named] = {}
        """By what the router chose (its id) and the method."""
        self.single: dict[int, Named] = {}
        """Those of routes with one method, by the id alone."""
        self._functions: dict[Any, int] = {}
        self._paths: dict[tuple[str, str], int] = {}

    def endpoint(self, dependant: Any, scope: Scope) -> Named:
        """The endpoint that the router has chosen.

        Args:
            dependant: what FastAPI knows of the endpoint; None: the route of the scope tells.
            scope: the request's.
        """
        owner, method = dependant or scope["route"], scope["method"]
        named = self.endpoints.get((id(owner), method))
        if named is None:
            function = innermost(owner.call if hasattr(owner, "call") else owner.endpoint)
            word, path = kind(function), str(owner.path)
            number = self._string(text(method, path, title(function), word, place(function)))
            flags = L.F_ASYNC if word == "async def" else 0
            named = number, flags, function, owner, number, number | L.F_ENDPOINT << 48
            if len(self.endpoints) < MAX_ENDPOINTS:
                self.endpoints[id(owner), method] = named
                if len(getattr(scope.get("route"), "methods", None) or ()) == 1:
                    self.single[id(owner)] = named
        return named

    def path(self, method: str, path: str) -> int:
        """String number of a request that has no route: a path, or "" before it is known."""
        key = (method, path)
        number = self._paths.get(key)
        if number is None:
            if len(self._paths) >= MAX_PATHS:
                key = (method, OTHER_PATHS)
            number = self._paths[key] = self._string(text(key[0], key[1], "", "", ""))
        return number

    def arriving(self, scope: Scope) -> int:
        """String number of a request that waits before it has a name: its method alone."""
        return self.path(scope["method"], "")

    def unstarted(self, scope: Scope) -> int:
        """String number of a request that ended before an endpoint was seen to start.

        A stream or a refused body has a route all the same. An app with a router answered 404; an
        app without one has only its path.
        """
        try:
            return self.endpoint(None, scope)[0]
        except (KeyError, AttributeError):
            routed = "app" in scope or "router" in scope
            return self.path(scope["method"], NO_ROUTE if routed else scope.get("path", ""))

    def function(self, function: Any) -> int:
        """String number of a function that hops; `function` is without its wrappers."""
        key = getattr(function, "__code__", type(function))
        number = self._functions.get(key)
        if number is None:
            number = self._string(text("", "", title(function), "", place(function)))
            self._functions[key] = number
        return number

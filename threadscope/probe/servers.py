"""Where requests come in: the loaders of the servers that we know, and the apps themselves.

A known server hands its app to our wrapper: outermost, any ASGI app. Under an unknown server the
classes of Starlette and FastAPI observe themselves. A request is observed once: an app inside an
app, and one that is called by a request in hand, are part of that request.
"""

from __future__ import annotations

import weakref
from typing import Any

from . import state
from .hops import stand_in
from .layout import W_HTTP
from .requests import ENDED
from .state import CURRENT
from .steps import observed

_classes: dict[Any, tuple[Any, Any]] = {}
"""Classes of apps that observe themselves: our `__call__`, and their own."""


def patch_uvicorn(module: Any) -> None:
    """`Config.load` leaves the app that it has loaded in `loaded_app`."""
    original = module.Config.load

    def load(self: Any) -> None:
        original(self)
        parser = getattr(self.http_protocol_class, "__module__", "").rpartition(".")[2]
        self.loaded_app = _safely(self.loaded_app, parser.replace("_impl", ""))

    module.Config.load = stand_in(load, original)


def patch_hypercorn(module: Any) -> None:
    """Every ASGI app gets an `ASGIWrapper`."""
    original = module.ASGIWrapper.__init__

    def init(self: Any, app: Any) -> None:
        original(self, _safely(app, "hypercorn"))

    module.ASGIWrapper.__init__ = stand_in(init, original)


def patch_granian(module: Any) -> None:
    """Each kind of worker wraps the app by `_callback_wrapper`, in the worker process."""
    original = module._callback_wrapper

    def callback_wrapper(callback: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_safely(callback, "granian"), *args, **kwargs)

    module._callback_wrapper = stand_in(callback_wrapper, original)


def _safely(app: Any, http: str) -> Any:
    """The server comes first: its app as it was, when ours fails."""
    try:
        return known(app, http)
    except Exception:
        return app


def patch_starlette_app(module: Any) -> None:
    """A Starlette app observes itself."""
    observe_class(module.Starlette)


def patch_fastapi_app(module: Any) -> None:
    """And so does FastAPI's, which has a `__call__` of its own around Starlette's."""
    if "__call__" in vars(module.FastAPI):
        observe_class(module.FastAPI)


def known(app: Any, http: str) -> Any:
    """A known server's app: the apps within need not observe themselves any more.

    Args:
        app: what the server has loaded.
        http: who parses its requests.
    """
    while _classes:
        cls, (ours, original) = _classes.popitem()
        if cls.__dict__.get("__call__") is ours:  # else somebody has wrapped it since
            cls.__call__ = original
    probe = state.current()  # the ring is there from now on, before any request
    if probe is not None:
        probe.words[W_HTTP] = probe.ring.string(http)
    return observed(app)


def observe_class(cls: Any) -> None:
    """Lets the apps of a class observe themselves, the living ones too."""
    original = cls.__call__
    observers: dict[int, tuple[Any, Any]] = {}

    def observer(app: Any) -> Any:
        """The app's observer, which must not keep it alive."""
        key = id(app)
        of, found = observers.get(key, (None, None))
        if of is None or of() is not app:
            of = weakref.ref(app, lambda _: observers.pop(key, None))
            found = observed(lambda *asgi: original(of(), *asgi))
            observers[key] = of, found
        return found

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        request = CURRENT.get()
        if scope["type"] == "lifespan" or (request is not None and request.state != ENDED):
            return await original(self, scope, receive, send)
        try:
            asgi = observer(self)
        except Exception:  # a class of its own kind: cannot be referred to weakly, say
            return await original(self, scope, receive, send)
        return await asgi(scope, receive, send)

    ours = stand_in(call, original)
    _classes[cls] = ours, original
    cls.__call__ = ours

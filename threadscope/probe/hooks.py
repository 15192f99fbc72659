"""Where the probe takes hold: a few functions of the server and its libraries.

Each is patched when (and if) the app imports it, never before: nothing is imported on the app's
behalf.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from inspect import signature
from typing import Any

from . import compiled, hops, servers, state, watch
from .names import UNNAMED
from .requests import ENDED, FIRST, Request, start
from .state import CURRENT


def patch_starlette(module: Any) -> None:
    """Sees the endpoints of plain Starlette start: `request_response` makes an app of each."""
    original = module.request_response

    def request_response(func: Any) -> Any:
        app = original(func)

        def observed(scope: Any, receive: Any, send: Any) -> Any:
            request = CURRENT.get()
            call = app(scope, receive, send)
            if request is None or request.state == ENDED:
                return call
            request.scope = scope  # a middleware may have made another one: this one has the route
            return _started(request, call)

        return hops.stand_in(observed, app)

    module.request_response = hops.stand_in(request_response, original)


def patch_fastapi(module: Any) -> None:
    """Sees the moment at which a FastAPI endpoint itself starts."""
    original, current = module.run_endpoint_function, CURRENT.get

    def run_endpoint_function(*, dependant: Any, values: Any, is_coroutine: bool) -> Any:
        request = current()
        call = original(dependant=dependant, values=values, is_coroutine=is_coroutine)
        if request is None:
            return call
        if not request.state and request.named is UNNAMED:  # as `start`, in place: the usual way
            try:
                loop = request.loop
                request.named = named = loop.single[id(dependant)]
                if is_coroutine:
                    loop.words[loop.what] = named[0]
                else:  # its thread's cell will have the name
                    request.own = True
                return call
            except KeyError:
                pass  # for the first time, or one of several methods
        elif request.state == ENDED:
            return call
        try:
            if request.named is UNNAMED:
                start(request, dependant)
                request.own = not is_coroutine
            if request.state == FIRST or request.loop.words[request.loop.now]:
                return call
        except Exception:
            request.loop.probe.ring.error()
            return call
        return request.loop.drive(call, request)

    if set(signature(original).parameters) != {"dependant", "values", "is_coroutine"}:
        return  # a FastAPI that does it otherwise: requests are named at their end
    native, hook = compiled.load(), run_endpoint_function
    if native is not None:
        hook = native.EndpointHook(original, run_endpoint_function, current)
    module.run_endpoint_function = hops.stand_in(hook, original)


def _started(request: Request, call: Any) -> Any:
    """Says that the endpoint starts; in a middleware's child task, times its steps as well."""
    try:
        if request.named is UNNAMED:
            start(request, None)
        if request.state == FIRST or request.loop.words[request.loop.now]:
            return call
    except Exception:
        request.loop.probe.ring.error()
        return call
    return request.loop.drive(call, request)


PATCHES: dict[str, Callable[[Any], None]] = {
    "uvicorn.config": servers.patch_uvicorn,
    "hypercorn.app_wrappers": servers.patch_hypercorn,
    "granian.asgi": servers.patch_granian,
    "starlette.applications": servers.patch_starlette_app,
    "fastapi.applications": servers.patch_fastapi_app,
    "starlette.routing": patch_starlette,
    "fastapi.routing": patch_fastapi,
    "anyio.to_thread": hops.patch_anyio,
    "concurrent.futures.thread": hops.patch_executor,
}


class _Finder:
    """Finds nothing itself: lets the others find a module of ours, and patches it once loaded."""

    def __init__(self) -> None:
        self._busy: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in PATCHES or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec: Any = importlib.util.find_spec(name)
        finally:
            self._busy.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader:
    """A module's own loader, and the patch after it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        module.__loader__ = module.__spec__.loader = self._loader
        apply(module.__name__, module)


def apply(name: str, module: Any) -> None:
    """Patches one module; a library of an unknown shape is left as it is."""
    try:
        PATCHES[name](module)
    except Exception:
        pass


def install() -> None:
    """Patches what is imported already, and the rest as it comes."""
    for name in PATCHES:
        if name in sys.modules:
            apply(name, sys.modules[name])
    sys.meta_path.insert(0, _Finder())
    state.on_open.append(lambda probe: watch.Watch(probe).start())
    state.on_beat_due.append(watch.start_beat)

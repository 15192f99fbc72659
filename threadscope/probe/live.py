"""The probe in a process that runs already: called by code that its own interpreter was given.

It runs in the main thread, between two bytecodes of the app: it is quick, and never raises.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

from . import hooks, servers, state


def enter(folder: str, answer: str) -> None:
    """Lets the requests from now on be observed, also those on connections that are open.

    Args:
        folder: where the ring goes.
        answer: a file that then says `ok`, or what went wrong.
    """
    try:
        state.given_folder = folder
        hooks.install()
        if "starlette.applications" not in sys.modules and "uvicorn.server" in sys.modules:
            _enter_uvicorn(sys.modules["uvicorn.server"])
        said = "ok" if state.current() is not None else "the ring could not be made"
    except Exception as error:
        said = "%s: %s" % (type(error).__name__, error)
    _say(answer, said)


def _enter_uvicorn(module: Any) -> None:
    """A bare app has no class to observe: its servers are looked for, and their connections."""
    for server in [x for x in gc.get_objects() if type(x) is module.Server]:
        config = server.config
        if not config.loaded:
            continue
        app = config.loaded_app
        config.loaded_app = servers.known(app, "")
        for protocol in list(server.server_state.connections):
            if getattr(protocol, "app", None) is app:  # each has a copy
                protocol.app = config.loaded_app


def _say(path: str, text: str) -> None:
    try:
        fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # no link, no file
        with open(fd, "w") as file:
            file.write(text)
        os.rename(path + ".new", path)
    except OSError:  # the monitor is gone, and its folder
        pass

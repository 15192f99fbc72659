"""An app whose every name is meant to harm who looks at it."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.strangers import nasty  # the app's folder is all that is on the path

PR_SET_NAME = 15


def named(function, name):
    function.__name__ = function.__qualname__ = name
    return function


def in_a_thread(request):
    threading.current_thread().name = nasty.EVERYTHING
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"\x1b]0;evil\x07\x9b5n", 0, 0, 0)
    sys.stdout.write(nasty.EVERYTHING + "\n")
    time.sleep(0.005)
    return JSONResponse({"detail": nasty.EVERYTHING}, 500)


async def on_the_loop(request):
    end = time.perf_counter() + 0.15  # long enough for a finding, and for its place
    while time.perf_counter() < end:
        pass
    return JSONResponse({"x": 1}, headers={"x-evil": nasty.C1 + nasty.MARKUP})


class Sleeper(threading.Thread):
    """A thread that no request runs on."""

    def run(self):
        ctypes.CDLL(None).prctl(PR_SET_NAME, b"\x1b[6n\xff\n\xe2\x80\xae", 0, 0, 0)
        threading.Event().wait()


Sleeper(daemon=True, name=nasty.EVERYTHING).start()
app = Starlette(
    routes=[
        Route("/def", named(in_a_thread, "f" + nasty.CLIPBOARD + nasty.BIDI)),
        Route("/async", named(on_the_loop, "g" + nasty.C1 + nasty.MARKUP)),
        *(Route(f"/{i}/{part}{{x:path}}", named(lambda request: in_a_thread(request), f"h{part}"))
          for i, part in enumerate(nasty.ALL)),
    ]
)  # fmt: skip

"""The whole monitor over uvicorn with the hello app: for monitor_scale.py, on a terminal.

    python -m common.watched_hello PATH CLIENTS RATE FILE

The screen, the observer and the load are those of `threadscope demo`; PATH is `/async` or `/def`.
RATE is requests a second, 0: each client asks again as soon as it was answered.
When `q` ends it, what was seen of the last minute goes to FILE: `[[t, done, dropped], …]`, t in
monotonic ns.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from common.programs import uvicorn
from threadscope.asking import Options
from threadscope.load.plan import LoadPlan, Model
from threadscope.model.snapshot import Variant
from threadscope.pauses import ShortPauses
from threadscope.phases import Way
from threadscope.session import Session
from threadscope.tui.app import ThreadscopeApp


def main() -> None:
    """Watches until `q`."""
    path, clients, rate, file = sys.argv[1:]

    def plan(url: str) -> LoadPlan:
        if float(rate):
            return LoadPlan(url + path, route=path, model=Model.OPEN, rate=float(rate))
        return LoadPlan(url + path, route=path)

    way = Way(Variant(path, path), lambda url: [plan(url)])
    session = Session(uvicorn("hello:app"), [way], Options(clients=int(clients)))
    try:
        session.start()
        session.show_variant(path)
        pauses = ShortPauses()
        app = ThreadscopeApp(session, session, rest=pauses.rest)
        with pauses:  # as in `threadscope.run`
            app.run()
    finally:
        session.close()
    if session.failure is not None:
        raise session.failure
    seen = [(one.at, one.done, one.health.dropped) for one in app.history.all()]
    Path(file).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()

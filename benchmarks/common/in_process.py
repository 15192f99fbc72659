"""Serves an app without sockets, in slices: the inside of probe_cost.py.

    python in_process.py CONFIGURATION async|def

A line of standard input asks for so many requests; a line of standard output says what one of
them took: CPU and wall time in us.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import uvicorn

from threadscope.probe.layout import W_HEARTBEAT


def instrument(app: Any, configuration: str) -> None:
    """Puts a peer's instrumentation on the app, in its usual set-up; nothing for the others."""
    if configuration.startswith("prometheus"):
        from prometheus_fastapi_instrumentator import Instrumentator

        Instrumentator().instrument(app)
    elif configuration.startswith("opentelemetry"):
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult as Result

        class Nowhere(SpanExporter):
            """Takes spans and drops them: sending them is not the library's cost."""

            def export(self, spans: Any) -> Result:
                """Drops them."""
                return Result.SUCCESS

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Nowhere()))  # bounded: 2,048 spans
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)


def scope_of(path: str) -> dict[str, Any]:
    """A request as uvicorn describes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
        "state": {},
    }


async def receive() -> dict[str, Any]:
    """The request has no body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: dict[str, Any]) -> None:
    """The answer goes nowhere, if it is the right one."""
    if message["type"] == "http.response.start" and message["status"] != 200:
        raise SystemExit(f"the app answered {message['status']}")


async def serve(app: Any, path: str, requests: int) -> tuple[float, float]:
    """CPU and wall time of a request, us, one after the other.

    Each is described right before the app is called, as a server does: what the probe reads of it
    is in the caches.
    """
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(requests):
        await app(scope_of(path), receive, send)
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return cpu / requests / 1000, wall / requests / 1000


def beat(watched: bool) -> None:
    """Beats as a monitor does, or lets time pass without one.

    The probe is found under the name that its hook gave it.
    """
    state = sys.modules.get("_threadscope_probe.state")
    if state is not None and state.probe is not None:
        if watched:
            state.probe.words[W_HEARTBEAT] = time.monotonic_ns()
        state.probe.awake_until = 0  # it looks at the heartbeat again
        loop = getattr(state.probe.local, "loop", None)
        if loop is not None:
            loop.believe(0)


def main() -> None:
    """Serves until its standard input ends."""
    from hello import app

    configuration, kind = sys.argv[1:]
    instrument(app, configuration)
    config = uvicorn.Config(app, log_config=None, proxy_headers=False)
    config.load()
    factory = config.get_loop_factory()
    loop = factory() if factory else asyncio.new_event_loop()
    for line in sys.stdin:
        beat(configuration in ("threadscope", "threadscope, Python only"))
        cpu, wall = loop.run_until_complete(serve(config.loaded_app, f"/{kind}", int(line)))
        print(f"{cpu:.3f} {wall:.3f}", flush=True)


if __name__ == "__main__":
    main()

"""Runs a scenario in a process of its own, with the probe or without it, and reads its ring.

The probe patches libraries and keeps the state of its process: each scenario needs a fresh one.
They are forked from a server process that has imported the frameworks and nothing of ours.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from threadscope.model.records import CellEntry, endpoint
from threadscope.model.snapshot import Endpoint
from threadscope.probe import layout as L
from threadscope.rings.reader import RingReader

PATIENCE_S = 60.0
KINDS = {
    getattr(L, name): name
    for name in (
        "ARRIVE",
        "ENDPOINT",
        "STEP",
        "END",
        "HOP_OUT",
        "LIMITER",
        "LAG",
        "STALL",
    )
}
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["fastapi", "starlette.applications", "anyio.to_thread", "pytest"])


class Seen(NamedTuple):
    """A record, its kind and its `what` in words."""

    kind: str
    flags: int
    status: int
    tid: int
    request: int
    t: int
    a: int
    x: int
    y: int
    z: int
    what: Endpoint
    n: int


class Answer(NamedTuple):
    """What a client got from one ASGI call, and what the server saw of it."""

    status: int | None
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    error: str
    """What the call raised, "" if nothing."""


class Observation:
    """What is left of a scenario."""

    def __init__(self, result: Any, cells: list[CellEntry], reader: RingReader | None) -> None:
        self.result = result
        self.cells = cells
        """While the event loop still ran: its workers end with it, and their cells are freed."""
        self.records: list[Seen] = []
        """Of requests; heartbeats and threadpools are in `others`."""
        self.others: list[Seen] = []
        self.errors = 0
        if reader is None:
            return
        for record in reader.drain(time.monotonic_ns()):
            what = endpoint(reader.text(record[L.R_WHAT]))
            seen = Seen(KINDS[record[1]], *record[2:11], what, record[12])
            (self.others if seen.kind in ("LAG", "LIMITER") else self.records).append(seen)
        self.open = reader.open()
        self.errors = reader.header()[L.W_ERRORS]

    @property
    def story(self) -> list[str]:
        """Kinds in their order; without long steps, which a busy machine may add."""
        kinds = [record.kind for record in self.records if record.kind not in ("STEP", "STALL")]
        return [kind for kind, _ in itertools.groupby(kinds)]

    def of(self, *kinds: str) -> list[Seen]:
        return [record for record in self.records if record.kind in kinds]

    @property
    def end(self) -> Seen:
        (end,) = self.of("END")
        return end


class Server:
    """The part of a server: calls an app as uvicorn would, each request in a task of its own."""

    def __init__(self, folder: str, observed: bool) -> None:
        self._folder, self.observed = folder, observed

    def load(self, app: Any) -> Any:
        """The app as the server calls it."""
        if not self.observed:
            return app
        from threadscope.probe.steps import observed

        return observed(app)

    def scope(self, path: str, method: str = "GET", headers: Any = ()) -> dict[str, Any]:
        path, _, query = path.partition("?")
        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": list(headers), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "state": {},
        }  # fmt: skip

    async def get(self, app: Any, path: str = "/", **scope: Any) -> Answer:
        """The answer to one request."""
        return await self.begin(app, path, **scope)

    def begin(self, app: Any, path: str = "/", **scope: Any) -> asyncio.Task[Answer]:
        """Begins a request; cancel it to cancel the app."""
        return asyncio.create_task(self._call(self.load(app), self.scope(path, **scope)))

    async def _call(self, app: Any, scope: dict[str, Any]) -> Answer:
        status, headers, body, error = None, (), [], ""
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()  # the client stays
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], tuple(message.get("headers", ()))
            else:
                body.append(message.get("body", b""))

        try:
            await app(scope, receive, send)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
        return Answer(status, headers, b"".join(body), error)

    def reader(self) -> RingReader:
        """A reader of this process's ring."""
        (path,) = Path(self._folder).glob(f"server-{os.getpid()}-*.ring")
        return RingReader(path)

    def rings(self) -> list[Path]:
        """Those of this process and of its children."""
        return list(Path(self._folder).glob("server-*.ring"))

    def open(self) -> list[tuple[bool, str]]:
        """The open table: whether it waits for a thread, and the route."""
        reader = self.reader()
        found = [(bool(e.since), endpoint(reader.text(e.what)).route) for e in reader.open()]
        reader.close()
        return found

    def cells(self) -> list[CellEntry]:
        """The cells of the threads that run now; none if there is no probe."""
        try:
            reader = self.reader()
        except ValueError:
            return []
        cells = reader.cells()
        reader.close()
        return cells

    async def until(self, condition: Callable[[], Any]) -> None:
        """Lets the event loop turn until something holds."""
        while not condition():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.001)

    async def until_open(self, count: int) -> None:
        """Until so many requests are in the open table."""
        await self.until(lambda: len(self.open()) >= count)

    def beat(self) -> None:
        """A monitor's heartbeat."""
        reader = self.reader()
        reader.beat(time.monotonic_ns())
        reader.close()

    def fall_asleep(self) -> None:
        """As if 5 s had gone by since the last heartbeat: the probe looks at it again."""
        from threadscope.probe import state

        probe = state.current()
        assert probe is not None
        reader = self.reader()
        reader.beat(time.monotonic_ns() - L.SLEEP_AFTER_NS - 1)
        reader.close()
        probe.awake_until = 0
        probe.local.loop.believe(0)


def run(scenario: Any, folder: Any, probe: bool) -> Observation:
    """Runs `async scenario(server)` in a fresh process.

    Raises:
        AssertionError: it failed there; the message is its traceback.
    """
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=_child, args=(theirs, scenario, str(folder), probe))
    process.start()
    theirs.close()
    try:
        assert ours.poll(PATIENCE_S), "the scenario does not end"
        fine, result, cells = ours.recv()
    except EOFError:
        fine, result, cells = False, "the process died", []
    finally:
        process.kill()
        process.join()
        ours.close()
        pid = process.pid
        process.close()
    assert fine, result
    rings = list(folder.glob(f"server-{pid}-*.ring"))
    if not rings:
        return Observation(result, cells, None)
    reader = RingReader(rings[0])
    try:
        return Observation(result, cells, reader)
    finally:
        reader.close()


def _child(pipe: Any, scenario: Any, folder: str, probe: bool) -> None:
    try:
        if probe:
            os.environ["THREADSCOPE_DIR"] = folder
            from threadscope.probe import hooks, state

            hooks.install()
            state.current()  # as the patch of `uvicorn.Config.load` does
        pipe.send((True, *asyncio.run(_whole(scenario, Server(folder, probe)))))
    except BaseException:
        pipe.send((False, traceback.format_exc(), []))


async def _whole(scenario: Any, server: Server) -> tuple[Any, list[CellEntry]]:
    result = await scenario(server)
    return result, server.cells()

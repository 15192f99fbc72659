"""Steps: an ASGI wrapper that drives the request's coroutine, and times each of its runs."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Generator
from functools import partial
from time import monotonic_ns as now
from time import thread_time_ns as cpu
from typing import Any

from . import compiled, connections, hops, state
from .layout import (
    C_ENDED,
    C_NOW_SINCE,
    CLIENT_HEADER,
    END,
    F_ONLY,
    HOP_END,
    HOP_ENDS,
    O_REQUEST,
    OPEN_SLOT,
    STEP_BEGINS,
    WORD,
)
from .names import UNNAMED, Scope
from .requests import BY_LOOP, ENDED, OPEN, READ_STEP_NS, U32, Request, Send, books
from .ring import READ_AGAIN_NS
from .state import CURRENT, Loop, Probe


def driving(probe: Probe, loop: Loop) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`serve` and `drive` of one event loop.

    The step cell names a request while it runs, so that a frozen loop can be named from outside. A
    step that runs inside another one (an eager child task) belongs to the outer one.

    CPU: reading the clock is dear (0.6 us, in a busy server more). A step under 0.25 ms is taken to
    be all CPU; a longer one is read at its end and counted from the last reading on this loop,
    which is at most 1 ms old when the step begins.
    """
    words, whole, running = probe.words, probe.map, loop.now
    step_begins, cell = STEP_BEGINS.pack_into, (loop.at + C_NOW_SINCE) * WORD
    claim, pack, records_at, slots = probe.claim, probe.pack, probe.records_at, probe.slots
    ended_at, next_end, tid = loop.at + C_ENDED, loop.next_end, loop.tid
    enter, next_request, error = CURRENT.set, probe.next_request, probe.ring.error
    opens, goes_on, step_ended, over = loop.books
    open_slot, pack_slot = probe.ring.open_slot, OPEN_SLOT.pack_into
    pack_both = HOP_ENDS.pack_into
    free = probe.ring.free_open

    @types.coroutine
    def serve(
        app: Any, scope: Scope, receive: Any, send: Send, arrived: int
    ) -> Generator[Any, Any, Any]:
        """A request: its first step, where most of them end, and what comes after it."""
        request = Request()
        request.loop = loop
        request.scope = scope
        request.reply = send
        request.arrived = arrived
        request.id = number = next_request()
        request.ended = request.status = request.state = request.on_thread = 0
        request.own = False
        request.named = UNNAMED
        try:  # our load sends it first; looking further would cost each request of all others
            header = scope["headers"][0]
            client = int(header[1]) & U32 if header[0] == CLIENT_HEADER else 0
        except IndexError:
            client = 0
        except Exception:  # no scope that a server would make
            error()
            client = 0
        request.client = client
        enter(request)  # not reset: the server gives each request a context of its own
        coro = app(scope, receive, request.send)
        if words[running]:
            return (yield from drive(coro, request, True))
        step_begins(whole, cell, arrived, 0, client, number)
        if arrived > loop.read_again:
            loop.cpu, loop.read_again = cpu(), arrived + READ_AGAIN_NS
        try:
            waits_for = coro.send(None)
        except StopIteration as stop:
            words[running] = 0
            wall = now() - arrived
            ended, named = request.ended, request.named
            if ended and named is not UNNAMED and wall < READ_STEP_NS and not request.state:
                try:
                    us = wall // 1000
                    words[ended_at] = next_end()
                    seq = claim()  # `Books.end_only`, in place
                    pack(whole, records_at + seq % slots * 64, seq, END, named[1] | F_ONLY,
                         request.status, tid, number, ended, arrived, us, client, us, named[0], 1,
                         seq)  # fmt: skip
                except Exception:  # a status that is no number
                    error()
                request.state = ENDED
            else:
                over(request, arrived, wall)
            return stop.value
        except BaseException:
            words[running] = 0
            over(request, arrived, now() - arrived)
            raise
        words[running] = 0
        slot, named, thrown = 0, request.named, None
        if request.on_thread and not request.state:  # the way of each `def` endpoint
            first = request.submitted - arrived
            if first < READ_STEP_NS:
                slot = free.pop() if free else open_slot()
        if slot:
            request.state, request.on_thread, request.slot = OPEN, BY_LOOP, slot
            pack_slot(whole, slot << 3, arrived, named[0], request.submitted, client, number)
        else:
            first = now() - arrived
            if first > READ_STEP_NS or request.state or request.ended:
                step_ended(request, arrived, first, False)
            else:
                opens(request, first)
        while True:
            try:
                value = yield waits_for
            except BaseException as raised:  # for `drive`: the app must not run inside this block
                value, thrown = None, raised
                break
            if not request.on_thread:
                break
            try:  # a step of AnyIO's own on the way to the endpoint's thread: not timed
                waits_for = coro.send(value)
            except BaseException as raised:
                if slot:
                    goes_on(request, first)
                over(request, 0, 0)
                if type(raised) is StopIteration:
                    return raised.value
                raise
        if not slot or thrown is not None:
            if slot:
                goes_on(request, first)
            return (yield from drive(coro, request, True, value, thrown))
        begin = now()  # the hop is over, and so, mostly, is the request after this step
        step_begins(whole, cell, begin, named[0], client, number)
        if begin > loop.read_again:
            loop.cpu, loop.read_again = cpu(), begin + READ_AGAIN_NS
        try:
            waits_for = coro.send(value)
        except StopIteration as stop:
            words[running] = 0
            wall = now() - begin
            ended, hop = request.ended, request.hop
            if ended and hop is not None and wall < READ_STEP_NS and ended - arrived <= U32:
                try:
                    words[slot + O_REQUEST] = 0
                    free.append(slot)
                    worker, begun, hopped = hop
                    words[ended_at] = next_end()
                    seq = claim()
                    pack_both(whole, records_at + seq % slots * 64, seq, HOP_END, wall // 1000,
                              request.status, tid, worker, client, first, number, arrived,
                              ended - arrived, begun - arrived, hopped, named[0], seq)  # fmt: skip
                except Exception:
                    error()
                request.state = ENDED
            else:
                goes_on(request, first)
                over(request, begin, wall)
            return stop.value
        except BaseException:
            words[running] = 0
            wall = now() - begin
            goes_on(request, first)
            over(request, begin, wall)
            raise
        words[running] = 0
        wall = now() - begin
        goes_on(request, first)
        step_ended(request, begin, wall, False)
        try:
            value = yield waits_for
        except BaseException as raised:
            value, thrown = None, raised
        return (yield from drive(coro, request, True, value, thrown))

    @types.coroutine
    def drive(
        coro: Any,
        request: Request,
        outermost: bool = False,
        value: Any = None,
        thrown: BaseException | None = None,
    ) -> Generator[Any, Any, Any]:
        """Runs a coroutine as `await` would, and times each of its steps.

        Args:
            coro: the app's, or the endpoint's in a middleware's child task.
            request: whose steps they are.
            outermost: the request is over when the coroutine is.
            value: what it gets first.
            thrown: what is thrown into it first.
        """
        resume = send = coro.send
        begin = 0
        while True:
            if thrown is not None:
                request.on_thread = 0  # the hop may never run
                if type(thrown) is GeneratorExit:
                    coro.close()
                    if outermost:
                        over(request, 0, 0)
                    raise thrown
                resume, value, thrown = coro.throw, thrown, None
            # not a step inside another one, nor AnyIO's own on the way to the endpoint's thread
            timed = not (request.on_thread or words[running])
            if timed:
                begin = now()
                step_begins(whole, cell, begin, request.named[0], request.client, request.id)
                if begin > loop.read_again:
                    loop.cpu, loop.read_again = cpu(), begin + READ_AGAIN_NS
            try:
                waits_for = resume(value)
            except BaseException as raised:
                wall = 0
                if timed:
                    words[running] = 0
                    wall = now() - begin
                if outermost:
                    over(request, begin, wall)
                elif timed:
                    step_ended(request, begin, wall, True)
                if type(raised) is StopIteration:
                    return raised.value
                raise
            if timed:
                words[running] = 0
                wall = now() - begin
                if (
                    wall > READ_STEP_NS
                    or request.state != OPEN
                    or request.ended
                    or request.submitted
                ):
                    step_ended(request, begin, wall, False)
                else:  # one of the many short steps of a request that waits
                    request.steps += 1
                    request.held += wall
            try:
                value = yield waits_for
                resume = send
            except BaseException as raised:  # a cancellation, for one: it is the app's
                thrown = raised

    return serve, drive


def _new_loop() -> Loop | None:
    """A loop's first request; None where there is no probe."""
    probe = state.probe or state.current()
    if probe is None:
        return None
    try:
        loop = probe.new_loop()
        loop.books = books(probe, loop)
        if probe.records is None:
            loop.serve, loop.drive = driving(probe, loop)
        else:
            _compile(probe, loop)
        probe.local.loop = loop
        return loop
    except Exception:
        probe.ring.error()
        return None


def _compile(probe: Probe, loop: Loop) -> None:
    """Leaves its requests to `native/`."""
    ring = probe.ring
    loop.compiled = probe.local.serving = serving = compiled.load().Serving(
        probe.records, loop, loop.at, loop.tid, probe.names.unstarted, probe.names.arriving,
        CURRENT.set, ring.free_open, ring.open_slot, ring.error, UNNAMED, loop.single,
        probe.local, probe.cell, hops.telling(probe),
    )  # fmt: skip
    loop.serve, loop.drive = serving.serve, serving.drive


def _is_coroutine(function: Any) -> bool:
    """Whether it is an `async def`: others may return whatever can be awaited."""
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & inspect.CO_COROUTINE)


async def _awaited(app: Any, scope: Scope, receive: Any, send: Any) -> Any:
    """Whatever awaitable an app returns, as a coroutine."""
    return await app(scope, receive, send)


def observed(app: Any) -> Any:
    """An ASGI app with its requests observed; all else of the app shows through."""
    direct = _is_coroutine(app) or _is_coroutine(vars(type(app)).get("__call__"))
    call = app if direct else partial(_awaited, app)

    def asgi(scope: Scope, receive: Any, send: Any) -> Any:
        try:
            loop = state.probe.local.loop  # type: ignore[union-attr]  # seldom None
        except AttributeError:
            loop = _new_loop()
            if loop is None:
                return app(scope, receive, send)
        t = now()
        if t < loop.look_at or loop.look(t):
            try:
                kind = scope["type"]
                if kind == "http":
                    return loop.serve(call, scope, receive, send, t)
                if kind == "websocket" and not connections.COUNTED.get():
                    return connections.counted(app(scope, receive, send), loop.probe, loop)
            except Exception:
                loop.probe.ring.error()
        return app(scope, receive, send)

    # a plain function saves a frame a request, but is taken for ASGI 2 where nobody says otherwise
    hops.mark(asgi)

    native = compiled.load()
    if native is not None:
        return native.Observed(asgi, app, call, vars(state))

    class Observed:
        __call__ = staticmethod(asgi)  # no `self`: the way through __getattr__ is a slow one

        def __getattr__(self, name: str) -> Any:
            return getattr(app, name)

    return Observed()

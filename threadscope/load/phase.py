"""One phase of load: settle, measure, drain. Runs in the load process."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from aiohttp import ClientSession
from yarl import URL

from threadscope.load.client import CLIENT_HEADER, ErrorKind, error_kind, fixed_headers, new_session
from threadscope.load.messages import Event, Result, State
from threadscope.load.plan import LoadPlan
from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import PhaseState
from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter

BACK_OFF_S = 0.05
"""Pause of a client after a failed connection, so that a dead server does not make it spin."""
SECOND = 1_000_000_000


class Phase:
    """The clients of one plan and what became of their requests.

    Args:
        plan: what to ask.
        ring: where the requests are written down.
        next_request: gives each request its number.
        report: takes the states as they come.
    """

    def __init__(
        self,
        plan: LoadPlan,
        ring: RingWriter,
        next_request: Callable[[], int],
        report: Callable[[Event], None],
    ) -> None:
        self.plan = plan
        self._ring = ring
        self._next_request = next_request
        self._report = report
        self._wanted = plan.clients
        self._on = True
        self._state = PhaseState.STARTING
        self._stopped = False
        self._allowed = 0
        """Clients up to this number may ask."""
        self._left = sys.maxsize if plan.requests is None else plan.requests
        """Requests that may still be started."""
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._unanswered = set(range(1, plan.clients + 1))
        self._settled = asyncio.Event()
        self._over = asyncio.Event()
        self._complained = False
        self._session: ClientSession
        self._histogram = Histogram()
        self._statuses: Counter[int] = Counter()
        self._errors: Counter[ErrorKind] = Counter()
        self._cut_off = 0

    # -- steering ------------------------------------------------------------------------------
    def set_clients(self, clients: int) -> None:
        """More clients begin at once, those that are too many leave when they are answered."""
        self._wanted = clients
        self._adjust()

    def set_on(self, on: bool) -> None:
        """Lets the clients ask, or not; requests in flight are awaited."""
        self._on = on
        self._adjust()

    def stop(self) -> None:
        """Ends settling and measuring; `run` goes on with the drain."""
        self._stopped = True
        self._allowed = 0
        self._settled.set()
        self._over.set()

    def _adjust(self) -> None:
        if self._stopped or self._state is PhaseState.STARTING:
            return
        self._allowed = self._wanted if self._on else 0
        for number in range(1, self._allowed + 1):
            if number not in self._tasks:
                self._tasks[number] = asyncio.create_task(self._client(number))

    # -- the phase -----------------------------------------------------------------------------
    async def run(self) -> Result:
        """Goes through the states and sums up. Once only."""
        plan = self.plan
        async with new_session(plan.timeout_s) as self._session:
            try:
                began = self._enter(PhaseState.SETTLE)
                self._adjust()
                if plan.requests is None:
                    await _wait(self._settled, plan.settle_s)
                measured, cpu = self._enter(PhaseState.MEASURE), time.process_time_ns()
                await _wait(self._over, plan.seconds)
                self.stop()
                drained, cpu = self._enter(PhaseState.DRAIN), time.process_time_ns() - cpu
                if self._tasks:
                    await asyncio.wait(self._tasks.values(), timeout=plan.timeout_s)
            finally:  # before the session closes under them
                await self._cut_off_clients()
            done = self._enter(PhaseState.DONE)
        return self._result(measured - began, drained - measured, done - drained, cpu)

    def _enter(self, state: PhaseState) -> int:
        self._state, t = state, time.monotonic_ns()
        self._report(State(state, t))
        return t

    async def _cut_off_clients(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _result(self, settle: int, measure: int, drain: int, cpu: int) -> Result:
        completed = sum(n for status, n in self._statuses.items() if status < 400)
        failed = self._statuses.total() + self._errors.total() - completed
        count = self._histogram.count
        return Result(
            started=completed + failed + self._cut_off,
            completed=completed,
            failed=failed,
            cut_off=self._cut_off,
            in_measure=count,
            per_second=count * SECOND / measure if measure else 0.0,
            settle_s=settle / SECOND,
            duration_s=measure / SECOND,
            drain_s=drain / SECOND,
            histogram=self._histogram.to_json(),
            statuses={str(status): n for status, n in sorted(self._statuses.items())},
            errors={kind.name.lower(): n for kind, n in sorted(self._errors.items())},
            generator_percent=100 * cpu / measure if measure else None,
        )

    # -- one client: the hot path --------------------------------------------------------------
    async def _client(self, number: int) -> None:
        try:
            await self._ask_again_and_again(number, self._session)
        finally:
            del self._tasks[number]
            self._answered(number)  # it will not be: nothing to settle for
            if not self._left and not self._tasks:
                self._over.set()

    async def _ask_again_and_again(self, number: int, session: ClientSession) -> None:
        url = URL(self.plan.url_for(number))
        fixed = fixed_headers(url)
        put, now, tid = self._ring.put, time.monotonic_ns, threading.get_native_id()
        what, measure = self._ring.string(self.plan.route), PhaseState.MEASURE
        while number <= self._allowed and self._left:
            self._left -= 1
            request = self._next_request()
            headers = {CLIENT_HEADER: str(request), **fixed}
            sent = now()
            put(L.SEND, 0, 0, tid, request, sent, sent, number, 0, 0, what)
            try:
                response = await session.get(url, headers=headers, allow_redirects=False)
                await response.read()
            except asyncio.CancelledError:
                self._cut_off += 1
                raise
            except Exception as error:  # whatever it is, the request is over and must be counted
                kind = error_kind(error)
                if self._stopped and kind is ErrorKind.TIMEOUT:
                    self._cut_off += 1
                    return
                put(L.DONE, 0, 0, tid, request, now(), sent, number, kind, 0, what)
                await self._failed(kind, error)
                continue
            t, status = now(), response.status
            put(L.DONE, 0, status, tid, request, t, sent, number, 0, 0, what)
            self._statuses[status] += 1
            if self._state is measure:
                self._histogram.add(t - sent)
            elif self._unanswered:
                self._answered(number)

    async def _failed(self, kind: ErrorKind, error: Exception) -> None:
        self._errors[kind] += 1
        if kind is ErrorKind.OTHER and not self._complained:
            self._complained = True
            what = " ".join(str(error).split()) or "no details"
            sys.stderr.write(f"load: {type(error).__name__}: {what:.200}\n")
        if kind is not ErrorKind.TIMEOUT and not self._stopped:
            await asyncio.sleep(BACK_OFF_S)

    def _answered(self, number: int) -> None:
        self._unanswered.discard(number)
        if not self._unanswered:
            self._settled.set()


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass

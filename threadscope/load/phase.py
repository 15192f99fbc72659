"""One phase of load: settle, measure, drain. Runs in the load process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

from threadscope.load.asker import Orders
from threadscope.load.clients import Clients, clients_for
from threadscope.load.crew import Crew
from threadscope.load.light import Light
from threadscope.load.messages import Event, Result, State
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.tally import Tally
from threadscope.model.snapshot import PhaseState
from threadscope.probe.ring import RingWriter

PROGRESS_S = 1.0


class Phase:
    """Goes through one plan and sums up what became of its requests.

    Args:
        plan: what to ask.
        ring: where the requests are written down; None: nowhere.
        next_request: gives each request its number.
        report: takes the states, and the progress, as they come.
    """

    def __init__(
        self,
        plan: LoadPlan,
        ring: RingWriter | None,
        next_request: Callable[[], int],
        report: Callable[[Event], None],
    ) -> None:
        self._plan, self._report = plan, report
        self._tally = Tally(plan)
        self._crew = crew = Crew(Orders(plan, self._tally, ring, next_request))
        self._lights = [Light(light, ring, next_request) for light in plan.beside]
        self._crews = [crew, *(light.crew for light in self._lights)]
        self.set_clients, self.set_rate = crew.set_clients, crew.set_rate
        self._drain_s = plan.timeout_s
        self._draining: asyncio.Timeout | None = None

    def set_on(self, on: bool) -> None:
        """Lets the clients ask, or not; requests in flight are awaited."""
        for crew in self._crews:
            crew.set_on(on)

    def stop(self, within_s: float | None = None) -> None:
        """Ends settling and measuring; `run` goes on with the drain.

        Args:
            within_s: the longest drain; None: the time-out of a request.
        """
        self._stop_all()
        if within_s is not None:
            self._drain_s = min(self._drain_s, within_s)
            if self._draining is not None:
                self._draining.reschedule(asyncio.get_running_loop().time() + self._drain_s)

    async def run(self) -> Result:
        """Goes through the states and sums up. Once only."""
        tally = self._tally
        async with AsyncExitStack() as stack:
            clients = await stack.enter_async_context(clients_for(self._plan))
            progress = asyncio.create_task(self._tell_progress())
            try:
                began = self._enter(PhaseState.SETTLE)
                for light in self._lights:
                    await light.begin(stack)
                await self._settle(clients)
                never = self._crew.over.is_set()  # stopped before it had settled
                measured, cpu = self._enter(PhaseState.MEASURE), time.process_time_ns()
                self._measuring(True)
                await self._measure(clients)
                self._stop_all()
                self._measuring(False)
                drained = self._enter(PhaseState.DRAIN, measured if never else None)
                cpu = time.process_time_ns() - cpu
                await self._drain()
            finally:  # before what the clients share ends under them
                progress.cancel()
                for crew in self._crews:
                    await crew.cut_off()
            done = self._enter(PhaseState.DONE)
        result = tally.result(measured - began, drained - measured, done - drained, cpu)
        beside = tuple(light.result() for light in self._lights)
        return replace(result, beside=beside, bodies=dict(clients.bodies))

    def _measuring(self, on: bool) -> None:
        for tally in (self._tally, *(light.tally for light in self._lights)):
            tally.measuring = on

    def _stop_all(self) -> None:
        for crew in self._crews:
            crew.stop()

    async def _settle(self, clients: Clients) -> None:
        if self._plan.model is Model.BURST:
            connecting = asyncio.create_task(self._crew.connect(clients))
            stopped = asyncio.create_task(self._crew.over.wait())
            await asyncio.wait([connecting, stopped], return_when=asyncio.FIRST_COMPLETED)
            connecting.cancel()
            stopped.cancel()
            return
        self._crew.begin(clients)
        if self._plan.requests is None:
            await _wait(self._crew.settled, self._plan.settle_s)

    async def _measure(self, clients: Clients) -> None:
        if self._plan.model is Model.BURST:
            self._crew.begin(clients)
            await self._crew.over.wait()
        else:
            await _wait(self._crew.over, self._plan.seconds)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._drain_s) as self._draining:
                for crew in self._crews:
                    await crew.finish()
        except TimeoutError:
            pass
        self._draining = None

    def _enter(self, state: PhaseState, at: int | None = None) -> int:
        t = time.monotonic_ns() if at is None else at
        self._report(State(state, t))
        return t

    async def _tell_progress(self) -> None:
        while True:
            self._report(self._tally.progress(time.monotonic_ns()))
            await asyncio.sleep(PROGRESS_S)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass

"""The clients of a phase at work: who may ask, who does, and when they are done."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable

from threadscope.load.answer import ErrorKind, NoAnswer
from threadscope.load.clients import Client, Clients
from threadscope.load.pacer import Pacer
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.tally import Tally
from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter

BACK_OFF_S = 0.05
"""Pause of a client after a failed connection, so that a dead server does not make it spin."""


class Crew:
    """Clients, a task each.

    Args:
        plan: what to ask.
        tally: counts what becomes of it.
        ring: where the requests are written down; None: nowhere.
        next_request: gives each request its number.
        flags: of the requests' records.
    """

    def __init__(
        self,
        plan: LoadPlan,
        tally: Tally,
        ring: RingWriter | None,
        next_request: Callable[[], int],
        flags: int = 0,
    ) -> None:
        self.settled, self.over = asyncio.Event(), asyncio.Event()
        self._plan, self._tally = plan, tally
        self._put = ring.put if ring else _put_nowhere
        self._routes = [ring.string(route) if ring else 0 for route in plan.routes()]
        self._next_request, self._flags = next_request, flags
        self._pacer = Pacer(tally.schedule) if tally.schedule else None
        self._clients: Clients | None = None
        """None: they may not begin yet."""
        self._made: dict[int, Client] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wanted, self._on, self._stopped = plan.clients, True, False
        self._allowed = 0
        """Clients up to this number may ask."""
        self._left = sys.maxsize if plan.most is None else plan.most
        """Requests that may still be started; with a schedule, that one counts them."""
        self._turn = 0
        self._unanswered = set(range(1, plan.clients + 1))

    # -- steering ------------------------------------------------------------------------------
    async def connect(self, clients: Clients) -> None:
        """Makes all clients and connects them: a burst is one of requests, not of connections."""
        self._made = {n: clients.new(n) for n in range(1, self._plan.clients + 1)}
        if self._plan.keep_alive:
            await asyncio.gather(*(client.connect() for client in self._made.values()))

    def begin(self, clients: Clients) -> None:
        """From now on they ask.

        Args:
            clients: makes them.
        """
        self._clients = clients
        if self._pacer is not None and self._on and not self._stopped:
            self._pacer.start()
        self._adjust()

    def set_clients(self, clients: int) -> None:
        """More clients begin at once, those that are too many leave when they are answered."""
        if self._plan.model is not Model.BURST:
            self._wanted = clients
            self._adjust()

    def set_rate(self, rate: float) -> None:
        """Changes the pace, where there is a schedule."""
        if self._pacer is not None:
            self._pacer.set_rate(rate)

    def set_on(self, on: bool) -> None:
        """Lets the clients ask, or not; requests in flight are awaited."""
        if self._on is on or self._stopped:
            return
        self._on = on
        if self._pacer is not None and self._clients is not None:
            if on:
                self._pacer.start()
            else:
                self._pacer.pause()
        self._adjust()

    def stop(self) -> None:
        """Nobody asks any more."""
        self._stopped, self._allowed = True, 0
        if self._pacer is not None:
            self._pacer.end()
        self.settled.set()
        self.over.set()

    async def finish(self) -> None:
        """Waits until everything that was asked is answered."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def cut_off(self) -> None:
        """Ends what is still in flight."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in self._made.values():
            client.close()
        if self._pacer is not None:
            self._pacer.close()

    def _adjust(self) -> None:
        if self._stopped or self._clients is None:
            return
        self._allowed = self._wanted if self._on else 0
        for number in range(1, self._allowed + 1):
            if number not in self._tasks:
                if number not in self._made:
                    self._made[number] = self._clients.new(number)
                self._tasks[number] = asyncio.create_task(self._client(number))
        if self._pacer is not None:
            self._pacer.wake()  # those who are too many leave

    # -- one client: the hot path --------------------------------------------------------------
    async def _client(self, number: int) -> None:
        client = self._made.pop(number)
        try:
            await self._ask_again_and_again(number, client)
        finally:
            client.close()
            del self._tasks[number]
            self._answered(number)  # it will not be: nothing to settle for
            if not self._more and not self._tasks:
                self.over.set()

    @property
    def _more(self) -> bool:
        schedule = self._tally.schedule
        return self._left > 0 if schedule is None else not schedule.exhausted

    async def _ask_again_and_again(self, number: int, client: Client) -> None:
        put, now, tid = self._put, time.monotonic_ns, threading.get_native_id()
        tally, pacer, due = self._tally, self._pacer, None
        routes, ask, flags = self._routes, client.ask, self._flags
        while number <= self._allowed and self._more:
            if pacer is not None and (due := await pacer.due()) is None:
                continue
            self._left -= 1
            turn, self._turn = self._turn, self._turn + 1
            request, what = self._next_request(), routes[turn % len(routes)]
            sent = now()
            tally.sent_at(sent)
            put(L.SEND, flags, 0, tid, request, sent, due or sent, number, 0, 0, what)
            try:
                answer = await ask(turn, request)
            except asyncio.CancelledError:
                tally.cut_off += 1
                raise
            except NoAnswer as error:
                if self._stopped and error.kind is ErrorKind.TIMEOUT:
                    tally.cut_off += 1
                    return
                put(L.DONE, flags, 0, tid, request, now(), sent, number, error.kind, 0, what)
                await self._failed(error)
            else:
                status, t, _ = answer
                put(L.DONE, flags, status, tid, request, t, sent, number, 0, 0, what)
                tally.answer(answer, sent, due)
                if self._unanswered:
                    self._answered(number)

    async def _failed(self, error: NoAnswer) -> None:
        self._tally.no_answer(error)
        if error.kind is not ErrorKind.TIMEOUT and self._more and not self._stopped:
            await asyncio.sleep(BACK_OFF_S)

    def _answered(self, number: int) -> None:
        if self._pacer is None:
            self._unanswered.discard(number)
        elif self._unanswered:  # not every client has a turn: as many answers will do
            self._unanswered.pop()
        if not self._unanswered:
            self.settled.set()


def _put_nowhere(*_: int) -> None:
    """Without a ring."""

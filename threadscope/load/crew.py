"""The clients of a phase at work: who may ask, who does, and when they are done."""

from __future__ import annotations

import asyncio

from threadscope.load.answer import ErrorKind, NoAnswer
from threadscope.load.asker import Asker, Orders
from threadscope.load.clients import Client, Clients
from threadscope.load.pacer import Pacer
from threadscope.load.plan import Model

BACK_OFF_S = 0.05
"""Pause of a client after a failed connection, so that a dead server does not make it spin."""


class Crew:
    """Clients, a task each.

    Args:
        orders: what they may ask.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders, self._plan = orders, orders.plan
        self.settled, self.over = orders.settled, asyncio.Event()
        schedule = orders.tally.schedule
        self._pacer = Pacer(schedule) if schedule else None
        self._clients: Clients | None = None
        """None: they may not begin yet."""
        self._made: dict[int, Client] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wanted, self._on, self._stopped = orders.plan.clients, True, False

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
        self._stopped, self._orders.allowed = True, 0
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
        self._orders.allowed = self._wanted if self._on else 0
        for number in range(1, self._orders.allowed + 1):
            if number not in self._tasks:
                if number not in self._made:
                    self._made[number] = self._clients.new(number)
                self._tasks[number] = asyncio.create_task(self._client(number))
        if self._pacer is not None:
            self._pacer.wake()  # those who are too many leave

    # -- one client ----------------------------------------------------------------------------
    async def _client(self, number: int) -> None:
        client, orders = self._made.pop(number), self._orders
        try:
            await self._ask_again_and_again(client, Asker(number, orders))
        finally:
            client.close()
            del self._tasks[number]
            orders.count_in(number)
            if not orders.more and not self._tasks:
                self.over.set()

    async def _ask_again_and_again(self, client: Client, asker: Asker) -> None:
        pacer, due = self._pacer, None
        while asker.wanted:
            if pacer is not None and (due := await pacer.due()) is None:
                continue
            turn, request = asker.ask(due)
            try:
                await client.ask(turn, request, asker)
            except asyncio.CancelledError:
                asker.cut_off()
                raise
            except NoAnswer as error:
                if self._stopped and error.kind is ErrorKind.TIMEOUT:
                    asker.cut_off()
                    return
                asker.failed(error)
                if error.kind is not ErrorKind.TIMEOUT and self._orders.more and not self._stopped:
                    await asyncio.sleep(BACK_OFF_S)

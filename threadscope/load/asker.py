"""What one client asks, and what becomes of it: counted, and written down. The load's hot path."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable

from threadscope.load.answer import Answer, NoAnswer
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.rests import Rests
from threadscope.load.tally import Tally
from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter


class Orders:
    """What the clients of a crew may ask; they share it.

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
        self.plan = plan
        self.settled = asyncio.Event()
        """Every client was answered once, or as many answers came as there are clients."""
        self.allowed = 0
        """Clients up to this number may ask."""
        self.left = sys.maxsize if plan.most is None else plan.most
        """Requests that may still be started; with a schedule, that one counts them."""
        self.turn = 0
        """Of the next request: which URL it asks for."""
        self.tally, self.next_request, self.flags = tally, next_request, flags
        self.put = ring.put if ring else None
        self.routes = [ring.string(route) if ring else 0 for route in plan.routes()]
        self.unanswered = set(range(1, plan.clients + 1))
        self.rests = Rests() if plan.model is Model.CLOSED else None
        """None: requests are due at moments of their own, or all at once."""

    @property
    def more(self) -> bool:
        """Whether requests are left."""
        schedule = self.tally.schedule
        return self.left > 0 if schedule is None else not schedule.exhausted

    def count_in(self, number: int) -> None:
        """A client was answered, or will never be: it is nothing to settle for any more."""
        if self.tally.schedule is None:
            self.unanswered.discard(number)
        elif self.unanswered:  # not every client has a turn: as many answers will do
            self.unanswered.pop()
        if not self.unanswered:
            self.settled.set()


class Asker:
    """One client's requests, one after another: which is next, and what became of the last.

    Args:
        number: the client's.
        orders: what it may ask.
    """

    __slots__ = ("_due", "_in_flight", "_number", "_orders", "_request", "_sent", "_tid", "_what")

    def __init__(self, number: int, orders: Orders) -> None:
        self._number, self._orders = number, orders
        self._tid = threading.get_native_id()
        self._request = self._sent = self._what = 0
        self._due: int | None = None
        self._in_flight = False

    @property
    def wanted(self) -> bool:
        """Whether it may go on."""
        orders = self._orders
        return self._number <= orders.allowed and orders.more

    def again(self) -> tuple[int, int] | None:
        """The next request, as `ask`; None: there is none, or it has to wait for its moment."""
        on_schedule = self._orders.tally.schedule is not None
        return self.ask(None) if self.wanted and not on_schedule else None

    def ask(self, due: int | None) -> tuple[int, int]:
        """The next request, which counts as sent from now on: its turn and its number.

        Args:
            due: its moment on the schedule, if there is one; monotonic ns.
        """
        orders = self._orders
        orders.left -= 1
        turn, orders.turn = orders.turn, orders.turn + 1
        self._request = request = orders.next_request()
        self._what = what = orders.routes[turn % len(orders.routes)]
        self._due, self._in_flight = due, True
        self._sent = sent = time.monotonic_ns()
        orders.tally.sent_at(sent)
        if orders.put is not None:
            orders.put(L.SEND, orders.flags, 0, self._tid, request, sent, due or sent, self._number,
                       0, 0, what)  # fmt: skip
        return turn, request

    def answered(self, answer: Answer) -> None:
        """Its request was answered."""
        orders, sent = self._orders, self._sent
        self._in_flight = False
        if orders.put is not None:
            status, t, _ = answer
            orders.put(L.DONE, orders.flags, status, self._tid, self._request, t, sent,
                       self._number, 0, 0, self._what)  # fmt: skip
        orders.tally.answer(answer, sent, self._due)
        if orders.rests is not None:
            orders.rests.answered(answer.t - sent, orders.allowed)
        if orders.unanswered:
            orders.count_in(self._number)

    def failed(self, error: NoAnswer) -> None:
        """Its request got no answer; nothing where it got one a moment before its time-out."""
        if not self._in_flight:
            return
        orders, t = self._orders, time.monotonic_ns()
        self._in_flight = False
        if orders.put is not None:
            orders.put(L.DONE, orders.flags, 0, self._tid, self._request, t, self._sent,
                       self._number, error.kind, 0, self._what)  # fmt: skip
        orders.tally.no_answer(error)

    def cut_off(self) -> None:
        """Nobody waits for its request any more, if there is one still."""
        if self._in_flight:
            self._in_flight = False
            self._orders.tally.cut_off += 1

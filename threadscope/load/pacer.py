"""Hands the requests of a schedule to clients that are free. Runs in the load process."""

from __future__ import annotations

import asyncio
import time

from threadscope.load.alarm import Alarm
from threadscope.load.schedule import Schedule


class Pacer:
    """Gives clients the moments of the requests that they are to send.

    The client that was free last is taken first, as in a pool: the connections that a slow load
    does not need stay idle, and a server that closes idle ones closes none that is used.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._idle: list[asyncio.Future[int | None]] = []
        self._alarm: Alarm | None = None

    async def due(self) -> int | None:
        """Waits for a request that is due; its moment. None: look whether you are still wanted."""
        due = self.schedule.take(time.monotonic_ns())
        if due is not None or self.schedule.exhausted:
            return due
        waiter: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        if self._alarm is not None and not self._alarm.armed:
            self._set_alarm()
        return await waiter

    def start(self) -> None:
        """Lets requests come due, from now on."""
        self._alarm = self._alarm or Alarm(self._hand_out)
        self.schedule.start(time.monotonic_ns())
        self._alarm.armed = False
        self._hand_out()

    def set_rate(self, rate: float) -> None:
        """Changes the pace."""
        self.schedule.set_rate(rate, time.monotonic_ns())
        if self._alarm is not None:
            self._alarm.armed = False  # for a moment of the old pace, perhaps in an hour
        self._hand_out()

    def pause(self) -> None:
        """Until `start`: nothing comes due."""
        self.schedule.pause(time.monotonic_ns())
        self.wake()

    def end(self) -> None:
        """Nothing comes due any more."""
        self.schedule.end(time.monotonic_ns())
        self.wake()

    def wake(self) -> None:
        """Lets all idle clients look whether they are still wanted."""
        idle, self._idle = self._idle, []
        for waiter in idle:
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Ends its timer."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None

    def _hand_out(self) -> None:
        now = time.monotonic_ns()
        while self._idle and (due := self.schedule.take(now)) is not None:
            while self._idle:
                waiter = self._idle.pop()
                if not waiter.done():  # else its client was cancelled
                    waiter.set_result(due)
                    break
        if self.schedule.exhausted:
            self.wake()
        elif self._idle:
            self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None and self.schedule.running:
            self._alarm.set(self.schedule.next_due(time.monotonic_ns()))

"""A schedule's moments reach the clients that are free, in an event loop of the test's own."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from threadscope.load import alarm
from threadscope.load.alarm import Alarm
from threadscope.load.pacer import Pacer
from threadscope.load.schedule import Schedule

S = 1_000_000_000


@pytest.fixture(params=["kernel timer", "event loop"])
def _timer(request, monkeypatch):
    if request.param == "event loop":
        monkeypatch.setattr(alarm, "_timer_fd", lambda: None)


pytestmark = pytest.mark.usefixtures("_timer")


@pytest.mark.parametrize("ahead", [-S, 0, S // 100])
def test_an_alarm_rings_once_and_not_before_its_moment(ahead):
    async def main():
        rung = asyncio.Event()
        one = Alarm(rung.set)
        at = time.monotonic_ns() + ahead
        one.set(at)
        assert one.armed
        async with asyncio.timeout(30):
            await rung.wait()
        assert time.monotonic_ns() >= at
        assert not one.armed
        one.close()

    asyncio.run(main())


def test_an_alarm_that_is_set_anew_forgets_what_was_set_before():
    async def main():
        rung = asyncio.Event()
        one = Alarm(rung.set)
        one.set(time.monotonic_ns() + 3600 * S)
        one.set(time.monotonic_ns())
        async with asyncio.timeout(30):
            await rung.wait()
        one.close()
        one.close()

    asyncio.run(main())


def test_the_client_that_was_free_last_comes_first():
    async def main():
        pacer = Pacer(Schedule(1000, S, most=3))
        order, all_sent = [], asyncio.Event()

        async def client(name):
            while not pacer.schedule.exhausted:
                if await pacer.due() is not None:
                    order.append(name)
                    if len(order) == 3:
                        all_sent.set()
                    await asyncio.Event().wait()

        tasks = []
        for name in "abc":
            tasks.append(asyncio.create_task(client(name)))
            await asyncio.sleep(0)
        pacer.start()
        async with asyncio.timeout(30):
            await all_sent.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        pacer.close()
        assert order == ["c", "b", "a"]

    asyncio.run(main())


def test_a_client_that_is_cancelled_takes_no_moment_with_it():
    async def main():
        pacer = Pacer(Schedule(1000, S, most=1))
        first, second = (asyncio.ensure_future(pacer.due()) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        pacer.start()
        async with asyncio.timeout(30):
            assert await first is not None
        pacer.close()
        assert pacer.schedule.on_time + pacer.schedule.late == 1

    asyncio.run(main())


def test_no_descriptor_is_left_behind():
    async def main():
        before = set(os.listdir("/proc/self/fd"))
        pacer = Pacer(Schedule(5, S))
        pacer.start()
        pacer.end()
        pacer.close()
        assert set(os.listdir("/proc/self/fd")) == before

    if os.path.isdir("/proc/self/fd"):
        asyncio.run(main())

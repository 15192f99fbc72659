"""The probe sleeps while nobody watches, and wakes for whoever comes."""

from __future__ import annotations

import asyncio
import time

import pytest

from threadscope.probe import layout as L

pytestmark = pytest.mark.integration

OLD = L.SLEEP_AFTER_NS + 1


async def app(scope, receive, send):
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})


async def watched_and_not(server):
    answers = [await server.get(app, "/at-the-start")]
    server.beat(age_ns=OLD)
    answers.append(await server.get(app, "/asleep"))
    server.beat()
    answers.append(await server.get(app, "/woken"))
    server.beat(age_ns=OLD)
    answers.append(await server.get(app, "/asleep-again"))
    return [answer.body for answer in answers]


def test_no_records_without_a_monitor(observe):
    seen = observe(watched_and_not)
    assert seen.result == [b"x"] * 4, "the app serves all the same"
    assert [end.what.route for end in seen.of("END")] == ["/at-the-start", "/woken"]
    assert {record.request for record in seen.records} == {1, 2}
    (loop,) = [cell for cell in seen.cells if cell.role & L.ROLE_LOOP]
    assert loop.ended == 2, "whether a request counts is decided when it starts"
    assert seen.open == []


async def left_in_the_middle(server):
    gate = asyncio.Event()

    async def waits(scope, receive, send):
        await gate.wait()
        await app(scope, receive, send)

    begun = server.begin(waits, "/begun-awake")
    await server.until_open(1)
    server.beat(age_ns=OLD)
    unseen = server.begin(waits, "/begun-asleep")
    await asyncio.sleep(0)
    server.beat()
    gate.set()
    await asyncio.gather(begun, unseen)


def test_a_request_is_followed_to_its_end_or_not_at_all(observe):
    seen = observe(left_in_the_middle)
    assert [end.what.route for end in seen.of("END")] == ["/begun-awake"]
    assert {record.request for record in seen.records} == {1}
    assert seen.open == []


async def two_monitors(server):
    first, second = server.reader(), server.reader()
    first.beat(time.monotonic_ns())
    second.beat(time.monotonic_ns())
    first.close()  # the first leaves: it ceases to beat
    second.beat(time.monotonic_ns())
    await server.get(app)
    second.beat(time.monotonic_ns() - OLD)
    second.close()
    await server.get(app)


def test_several_monitors_can_watch(observe):
    assert len(observe(two_monitors).of("END")) == 1


async def no_folder(server):
    from threadscope.probe import state

    return state.current() is None, await server.get(app)


def test_without_a_folder_nothing_happens(tmp_path, observe):
    missing = tmp_path / "missing"
    seen = observe(no_folder, folder=missing)
    assert seen.result == (True, (200, (), b"x", ""))
    assert not missing.exists()
    assert list(tmp_path.iterdir()) == []

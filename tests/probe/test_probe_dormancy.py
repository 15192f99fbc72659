"""The probe sleeps while nobody watches, and wakes for whoever comes."""

from __future__ import annotations

import asyncio
import time

import pytest

from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter
from threadscope.probe.state import Probe

pytestmark = pytest.mark.integration


async def app(scope, receive, send):
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})


async def watched_and_not(server):
    answers = [await server.get(app, "/at-the-start")]
    server.fall_asleep()
    answers.append(await server.get(app, "/asleep"))
    server.beat()
    answers.append(await server.get(app, "/woken"))
    server.fall_asleep()
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
    server.fall_asleep()
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
    await server.get(app, "/watched")
    second.close()
    server.fall_asleep()
    await server.get(app, "/left")


def test_several_monitors_can_watch(observe):
    seen = observe(two_monitors)
    assert [end.what.route for end in seen.of("END")] == ["/watched"]


def test_an_awake_probe_looks_again_when_what_it_saw_is_five_seconds_old(tmp_path):
    """A look at the shared page for each request would cost more than the rest of the decision."""
    probe = Probe(RingWriter(str(tmp_path)))
    seen = probe.words[L.W_HEARTBEAT]
    assert not probe.asleep(seen + 1)
    probe.words[L.W_HEARTBEAT] = seen + 10  # a monitor beats
    assert probe.awake_until == seen + L.SLEEP_AFTER_NS, "not looked at yet"
    assert not probe.asleep(seen + L.SLEEP_AFTER_NS + 1), "it looks, and somebody is there"
    assert not probe.asleep(seen + L.SLEEP_AFTER_NS + 10), "five seconds to the dot"
    assert probe.asleep(seen + L.SLEEP_AFTER_NS + 11)
    probe.words[L.W_HEARTBEAT] = seen + L.SLEEP_AFTER_NS
    assert not probe.asleep(seen + L.SLEEP_AFTER_NS + 12), "a sleeper looks each time"


async def no_folder(server):
    from threadscope.probe import state

    return state.current() is None, await server.get(app)


def test_without_a_folder_nothing_happens(tmp_path, observe):
    missing = tmp_path / "missing"
    seen = observe(no_folder, folder=missing)
    assert seen.result == (True, (200, (), b"x", ""))
    assert not missing.exists()
    assert list(tmp_path.iterdir()) == []

"""The compiled fast path does what the Python does that it stands in for."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import weakref
from collections import Counter
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from fastapi import FastAPI

from threadscope.probe import compiled
from threadscope.probe import layout as L
from threadscope.probe import requests as R

NATIVE = Path(compiled.__file__).parent / "native"
needs_native = pytest.mark.skipif(
    compiled.load() is None, reason="the probe's fast path is not built here: no C compiler"
)
STATUS = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"x"}
REQUESTS, CANCELLED = 300, 7
"""So many; and one of so many is cancelled."""
EACH = 500
"""Requests, and then a look at what is left."""


def test_both_know_the_same_layout():
    header = (NATIVE / "native.h").read_text()
    given = dict(re.findall(r"\b([A-Z][A-Z_]+) = (\w+)", header))
    given |= dict(re.findall(r"#define ([A-Z_]+) (\d+)u?\n", header))
    known = {name: int(value, 0) for name, value in given.items()}
    lists = re.findall(r"enum \{ ((?:[CO]_[A-Z_]+(?: = \d+)?, )+)", header)
    for names in lists:
        value = -1
        for name in names.split(", ")[:-1]:
            name, _, fixed = name.partition(" = ")
            value = int(fixed) if fixed else value + 1
            known[name] = value
    theirs = {name: getattr(L, name, getattr(R, name, None)) for name in known}
    theirs |= {"RING_VERSION": L.VERSION, "RECORD_WORDS": L.RECORD.size // L.WORD}
    theirs["READ_AGAIN_NS"] = R.READ_AGAIN_NS
    assert known == theirs
    assert len(known) > 20


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF and nothing more"])
def test_without_one_that_can_be_loaded_it_is_the_python(tmp_path, content):
    folder = shutil.copytree(
        NATIVE.parent, tmp_path / "probe", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    if content is not None:
        (folder / "_native.abi3.so").write_bytes(content)
    code = "from probe import compiled; assert compiled.load() is None"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)


# -- a coroutine -------------------------------------------------------------------------------
async def as_a_coroutine(server):
    said = []

    async def app(scope, receive, send):
        try:
            said.append(await waits())
            await send(STATUS)
            await send(BODY)
            return "the answer"
        except BaseException as error:
            said.append(repr(error))
            raise

    class waits:  # it is awaited like a function
        def __await__(self):
            return (yield "waits")

    async def send(message):
        pass

    def new():
        return server.load(app)(server.scope("/"), None, send)

    one = new()
    assert one.send(None) == "waits"
    with pytest.raises(StopIteration) as stop:
        one.send("sent")
    assert stop.value.value == "the answer"
    assert next(iter(one), "over") == "over"

    two = new()
    assert two.send(None) == "waits"
    with pytest.raises(KeyError):
        two.throw(KeyError("thrown"))

    three = new()
    assert three.send(None) == "waits"
    assert three.close() is None
    four = new()
    assert four.close() is None
    with pytest.raises(IndexError):
        new().throw(IndexError)
    five = new()
    assert five.send(None) == "waits"
    del five  # nobody awaits it any more
    gc.collect()
    return said


def test_it_is_a_coroutine_to_whoever_drives_it(observe):
    seen = observe(as_a_coroutine)
    assert seen.result == ["sent", "KeyError('thrown')", "GeneratorExit()", "GeneratorExit()"]
    ends = seen.of("END")
    assert [bool(end.flags & L.F_FAILED) for end in ends] == [False, True, True, True]
    assert seen.open == []
    assert seen.errors == 0


async def its_app_shows_through(server):
    class App:
        answer = 42

        async def __call__(self, scope, receive, send):
            pass

    app = App()
    seen = server.load(app)
    seen.added = 43
    assert (seen.answer, app.added, weakref.ref(seen)()) == (42, 43, seen)
    assert asyncio.iscoroutinefunction(seen) or asyncio.iscoroutinefunction(seen.__call__)
    with pytest.raises(AttributeError):
        seen.nothing  # noqa: B018  # that is what raises
    return True


@needs_native
def test_all_else_of_an_app_shows_through(observe):
    assert observe(its_app_shows_through).result


# -- both do the same --------------------------------------------------------------------------
class Chaos:
    """An app that does what a number says, in ways that apps do."""

    def __init__(self, seed):
        self.seed = seed

    async def __call__(self, scope, receive, send):
        dice = random.Random(self.seed)
        for _ in range(dice.randrange(5)):
            await getattr(self, dice.choice(["wait", "hop", "executor", "task", "fail"]))(dice)
        if dice.random() < 0.9:
            await send(STATUS | {"status": dice.choice([200, 204, 404, 500])})
            for _ in range(dice.randrange(3)):
                await send(BODY | {"more_body": True})
                await self.wait(dice)
            if dice.random() < 0.9:
                await send(BODY)
        for _ in range(dice.randrange(2)):
            await self.hop(dice)

    async def wait(self, dice):
        await asyncio.sleep(0)

    async def hop(self, dice):
        await anyio.to_thread.run_sync(threading.get_native_id)

    async def executor(self, dice):
        await asyncio.to_thread(threading.get_native_id)

    async def task(self, dice):
        await asyncio.create_task(self.hop(dice))

    async def fail(self, dice):
        if dice.random() < 0.3:
            raise LookupError(self.seed)


async def chaos(server):
    told = []
    for seed in range(REQUESTS):
        task = server.begin(Chaos(seed), f"/{seed % 50}")
        if seed % CANCELLED == 0:
            await asyncio.sleep(0)
            task.cancel()
        try:
            answer = await task
            told.append((seed, answer.status, answer.error))
        except asyncio.CancelledError:
            told.append((seed, "cancelled"))
    return told


def summary(seen):
    """What was seen of each request, without times."""
    hopped = {one.request for one in seen.of("HOP_OUT")}  # back sooner or later: steps differ
    hopped |= {seed + 1 for seed in range(0, REQUESTS, CANCELLED)}
    ends = [
        (one.request, one.what.route, one.status, one.flags, one.request in hopped or one.n)
        for one in sorted(seen.of("END"), key=lambda one: one.request)
    ]
    hops = sorted(
        (one.request, one.what, one.flags)
        for one in seen.of("HOP_OUT")
        if (one.request - 1) % CANCELLED  # of those a hop is over, or never ran
    )
    ended = sum(cell.ended for cell in seen.cells)
    return seen.result, ends, hops, ended, seen.open, seen.errors


@needs_native
def test_both_see_the_same_of_apps_that_do_all_sorts_of_things(observe, monkeypatch):
    fast = summary(observe(chaos))
    monkeypatch.setenv(compiled.PURE_VARIABLE, "1")
    slow = summary(observe(chaos))
    assert len(fast[1]) == REQUESTS
    for ours, theirs in zip(fast, slow, strict=True):
        assert ours == theirs


async def many(server):
    app = FastAPI()

    @app.get("/def")
    def one():
        return 1

    @app.get("/async")
    async def other():
        await anyio.to_thread.run_sync(threading.get_native_id)

    loaded = server.load(app)
    left, blocks = [], []
    for _ in range(3):
        for _ in range(EACH):
            await asyncio.create_task(server._call(loaded, server.scope("/def")))
            await asyncio.create_task(server._call(loaded, server.scope("/async")))
        gc.collect()
        kinds = [type(one).__name__ for one in gc.get_objects() if "_native" in str(type(one))]
        left.append(Counter(kinds))
        blocks.append(sys.getallocatedblocks())
    return left, blocks


@needs_native
def test_nothing_is_left_of_a_request(observe):
    left, blocks = observe(many).result
    # an idle worker thread still has its last one, and a busy machine may need several of them
    assert all(kinds.total() < EACH / 5 for kinds in left), left
    assert abs(blocks[2] - blocks[1]) < EACH / 5, "not even one object of each request"


async def at_once(scope, receive, send):
    await send(STATUS)
    await send(BODY)


async def to_nobody(message):
    pass


async def of_two_threads(server):
    app, tids = server.load(at_once), []

    async def ask():
        await app(server.scope("/"), to_nobody, to_nobody)
        tids.append(threading.get_native_id())

    def in_turns(go, done):
        with asyncio.Runner() as runner:
            for _ in range(3):
                go.acquire()
                runner.run(ask())
                done.release()

    go, done = threading.Semaphore(0), threading.Semaphore(0)
    other = threading.Thread(target=in_turns, args=(go, done))
    other.start()
    for _ in range(3):
        await asyncio.create_task(ask())
        await asyncio.create_task(ask())
        go.release()
        done.acquire()
    other.join()
    return tids


def test_each_thread_that_serves_one_app_has_its_own_requests(observe):
    seen = observe(of_two_threads)
    assert [end.tid for end in seen.of("END")] == seen.result
    assert len(set(seen.result)) == 2


def forked(ask):
    """Asks in a child of this process; its number, and how it ended."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)
    try:
        ask("/in-the-child").send(None)
    except StopIteration:
        os._exit(0)
    finally:
        os._exit(1)


async def in_a_fork(server):
    app = server.load(at_once)

    async def ask(path):
        await app(server.scope(path), to_nobody, to_nobody)

    for _ in range(3):
        await asyncio.create_task(ask("/before"))
    pid, status = forked(ask)
    await asyncio.create_task(ask("/after"))
    return status, [path.name.split("-")[1] == str(pid) for path in server.rings()]


def test_a_fork_writes_nothing_into_the_ring_of_its_parent(observe):
    seen = observe(in_a_fork)
    assert [end.what.route for end in seen.of("END")] == ["/before"] * 3 + ["/after"]
    status, of_the_child = seen.result
    assert status == 0
    assert sorted(of_the_child) == [False, True]

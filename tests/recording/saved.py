"""Sessions by hand, saved: two phases, with everything that an aggregator can be told."""

from __future__ import annotations

from tests.model.by_hand import T0, S, Watched, at, cell, entry, hop, sample, thread
from threadscope.model.histogram import Histogram
from threadscope.model.load_result import LoadResult
from threadscope.model.sample import Stack
from threadscope.model.snapshot import Health, PhaseState, Role, TargetInfo, Variant
from threadscope.probe import layout as L
from threadscope.recording.encode import Encoder
from threadscope.recording.tap import Tap

ASYNC, DEF = Variant("async", "async def /x"), Variant("def", "def /x")
TARGET = TargetInfo("demo x", "http://127.0.0.1:1/x?key=secret", (1,), "uvicorn x", "3.12", True)


def result(count):
    latency = Histogram()
    for i in range(count):
        latency.add((i + 1) * 1_000_000)
    return LoadResult(count, count, 0, 0, count / 2, 0.5, 2.0, 0.1, latency, 1.5)


class Live:
    """An observation that is saved; what was seen of it."""

    def __init__(self, path) -> None:
        self.watched = Watched()
        self.encoder = Encoder(path)
        self.aggregator = self.watched.aggregator = Tap(self.encoder, T0, wall_offset=5 * S)
        self.seen, self.results = [], []
        self._cpu = 0

    def look(self, t, **seen) -> None:
        self._cpu += 20
        self.aggregator.add_sample(
            sample(t, thread(10, self._cpu), thread(20, self._cpu // 4), cpu=self._cpu)
        )
        self.aggregator.add_batch(self.watched.server.batch(t, **seen))
        self.aggregator.add_batch(self.watched.load.batch(t), load=True)
        self.aggregator.advance(at(t))
        self.seen.append(self.aggregator.snapshot(Health(monitor_percent=t / 100)))

    def phase(self, begin, variant, requests, *, by_hops=False) -> None:
        """Two seconds of requests of 100 ms, one after the other."""
        aggregator, server, load = self.aggregator, self.watched.server, self.watched.load
        aggregator.begin_phase(at(begin), variant, 4, 2.0, tour=True)
        aggregator.load_state(PhaseState.MEASURE, at(begin))
        for i in range(requests):
            t, number = begin + 100 * i, int(begin) + i + 1
            load.send(t, number)
            if by_hops:
                what = server.what("GET\x1f/x\x1fx\x1fdef\x1fx.py:1")
                running = hop(t + 10, number, what=what)
                looked = {"cells": [cell(10, L.ROLE_LOOP), running]}
                looked["open"] = [entry(number, t, what)]
                self.look(t + 50, **looked)
                server.hop_out(t + 10, t + 90, number, cpu=60, waited=5)
            else:
                self.look(t + 50, cells=[cell(10, L.ROLE_LOOP, request=number, since=t)])
                server.step(t, t + 95, number)
            server.end(t, t + 95, number, held=0 if by_hops else 95, longest=95, cpu=60)
            load.done(t, t + 96, number)
            self.look(t + 100, cells=[cell(10, L.ROLE_LOOP, ended=number)])
        end = begin + 100 * requests
        aggregator.load_state(PhaseState.DRAIN, at(end))
        aggregator.load_state(PhaseState.DONE, at(end + 50))
        self.look(end + 300)
        self.results.append(aggregator.end_phase(result(requests)))
        self.look(end + 400)


def save_session(path) -> Live:
    """A whole session: two phases, a change of the load, a note, a process that ends."""
    live = Live(path)
    live.aggregator.target = TARGET
    live.phase(0, ASYNC, 20)
    live.aggregator.set_load(at(2600), clients=7)
    live.aggregator.limited = "threads only"
    live.look(2620)
    live.aggregator.sockets(3)
    live.aggregator.stacks(
        at(2630), 1, [Stack(20, "main", Role.WORKER, "app.py:3 in burn()", True)]
    )
    live.aggregator.note(at(2650), "GET /x?key=secret was refused")
    live.phase(3000, DEF, 20, by_hops=True)
    live.aggregator.process_ended(at(5600), 1)
    live.look(5800)
    live.aggregator.server_ended(at(5900), "it was stopped")
    live.look(6100)
    live.encoder.close()
    return live

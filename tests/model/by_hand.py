"""Rings by hand: records, cells and open tables without a server, a clock or a file."""

from __future__ import annotations

from threadscope.model.aggregator import Aggregator
from threadscope.model.records import Batch, CellEntry, OpenEntry
from threadscope.model.sample import ProcessSample, ThreadSample
from threadscope.model.snapshot import Health
from threadscope.probe import layout as L

MS = 1_000_000
S = 1000 * MS
T0 = 1000 * S
"""When every observation by hand begins."""
LOOP, WORKER = 10, 20
"""Thread ids; workers count up from theirs."""


def route(name="/x", kind="async def"):
    return L.SEPARATOR.join(("GET", name, name.strip("/"), kind, "app.py:1"))


class Ring:
    """What one process writes; times are ms after T0."""

    def __init__(self, pid=1):
        self.pid = pid
        self._texts = [""]
        self._seq = 0
        self.records = []

    def text(self, number):
        return self._texts[number] if number < len(self._texts) else ""

    def what(self, text):
        if text not in self._texts:
            self._texts.append(text)
        return self._texts.index(text)

    def put(self, kind, t, request=0, *, flags=0, status=0, tid=LOOP, a=0, x=0, y=0, z=0,
            what="", n=0):  # fmt: skip
        self._seq += 1
        number = what if isinstance(what, int) else self.what(what)
        record = (self._seq, kind, flags, status, tid, request, at(t), a, x, y, z, number, n,
                  self._seq)  # fmt: skip
        self.records.append(record)
        return record

    # -- one a kind --------------------------------------------------------------------------------
    def arrive(self, t, request, client=0):
        return self.put(L.ARRIVE, t, request, x=client)

    def started(self, t, request, *, came=None, client=0, what=None, flags=L.F_ASYNC):
        came = t if came is None else came
        what = route() if what is None else what
        return self.put(L.ENDPOINT, t, request, a=at(came), x=client, what=what, flags=flags)

    def step(self, begin, end, request, tid=LOOP):
        return self.put(L.STEP, end, request, a=at(begin), tid=tid, n=1)

    def end(self, came, t, request, *, what=None, status=200, held=0, longest=0, cpu=0, flags=0):
        what = route() if what is None else what
        return self.put(L.END, t, request, a=at(came), status=status, x=int(cpu * 1000), n=2,
                        y=int(held * 1000), z=int(longest * 1000), what=what,
                        flags=flags)  # fmt: skip

    def only(self, came, t, request, *, client=0, what=None, status=200):
        """A request that ended in its first step."""
        what = route() if what is None else what
        return self.put(L.END, t, request, a=at(came), status=status, y=client, n=1, what=what,
                        z=int((t - came) * 1000), flags=L.F_ASYNC | L.F_ONLY)  # fmt: skip

    def hop_out(self, begin, t, request, tid=WORKER, *, cpu=0, waited=0, client=0,
                flags=L.F_ENDPOINT):  # fmt: skip
        return self.put(L.HOP_OUT, t, request, a=at(begin), tid=tid, x=int(cpu * 1000),
                        y=int(waited * 1000), z=client, flags=flags)  # fmt: skip

    def send(self, t, request, client=1):
        return self.put(L.SEND, t, request, a=at(t), x=client)

    def done(self, sent, t, request, *, status=200, error=0, client=1):
        return self.put(L.DONE, t, request, a=at(sent), status=status, x=client, y=error)

    # -- what a look gives -------------------------------------------------------------------------
    def batch(self, t, records=None, *, cells=(), open=(), dropped=0, holes=0, errors=0):
        """All records that were not in a batch yet, or the given ones."""
        if records is None:
            records, self.records = self.records, []
        return Batch(self.pid, at(t), list(records), list(cells), list(open), self.text, dropped,
                     holes, errors)  # fmt: skip


def at(t):
    """ms after T0, as monotonic ns."""
    return T0 + round(t * MS)


def cell(tid, role, *, request=0, since=0, what=0, client=0, flags=0, name="", ended=0, hops=0,
         before=0):  # fmt: skip
    return CellEntry(
        now_request=request, now_since=at(since) if request else 0, now_what=what,
        now_client=client, now_flags=flags, tid=tid, name=name, role=role, ended=ended, hops=hops,
        hops_before=before,
    )  # fmt: skip


def hop(since, request, tid=WORKER, *, client=0, flags=L.F_ENDPOINT, what=0):
    """The cell of a worker in a hop: the only word of it until it ends."""
    return cell(tid, L.ROLE_WORKER, request=request, since=since, client=client, flags=flags,
                what=what)  # fmt: skip


def entry(request, came, what=0, *, client=0, since=0):
    return OpenEntry(at(came), what, since, client, request)


def thread(tid, cpu=0.0, *, born=5, name="python", wait=0, voluntary=0, involuntary=0):
    return ThreadSample(tid, born, name, "S", 0, round(cpu * MS), wait, voluntary, involuntary)


def sample(t, *threads, pid=1, cpu=0.0):
    return ProcessSample(pid, at(t), round(cpu * MS), threads)


class Watched:
    """An aggregator with one server ring and one load ring."""

    def __init__(self, pid=1):
        self.aggregator = Aggregator(T0)
        self.server, self.load = Ring(pid), Ring(99)

    def look(self, t, **seen):
        """Reads both rings at t and folds; the state at t - 100 ms."""
        self.aggregator.add_batch(self.server.batch(t, **seen))
        if self.load.records:
            self.aggregator.add_batch(self.load.batch(t), load=True)
        return self.fold(t)

    def fold(self, t):
        self.aggregator.advance(at(t))
        return self.aggregator.snapshot(Health())


def log(snapshot):
    """The request log as `start 1`, `end 1`."""
    return [f"{line.event} {line.request}" for line in snapshot.log]

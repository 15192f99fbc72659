"""Rings that a stranger writes: through the reader and the aggregator to every view."""

from __future__ import annotations

import json
import os
import socket
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strangers.nasty import EVERYTHING, assert_inert
from threadscope.lints.judge import Lints
from threadscope.model import intake, thread_table
from threadscope.model.aggregator import Aggregator
from threadscope.model.sample import ProcessSample, ThreadSample
from threadscope.model.snapshot import Health, PhaseState, Variant
from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter
from threadscope.report.document import document
from threadscope.report.dump import dump_document, dump_lines
from threadscope.report.text import TextReport
from threadscope.rings.reader import RingReader, RingUnreadable
from threadscope.rings.set import LOOK_NS, RingSet

MS = 1_000_000
S = 1000 * MS
START = 10**6 * S
MANY = 2**64 - 1


def run(folder, changes) -> None:
    """All that a monitor does, with what it says held against the terminal.

    Args:
        folder: of rings.
        changes: called between two looks.
    """
    t = START
    aggregator, rings, report = Aggregator(t, judge=Lints()), RingSet(folder), TextReport()
    try:
        for number, change in enumerate(changes):
            change()
            t += 300 * MS
            for batch, is_load in rings.read(t):
                aggregator.add_batch(batch, load=is_load)
            seen = [ThreadSample(tid, 1, "x", "R", 0, number * MS, 0, 1, 1) for tid in (7, 8)]
            aggregator.add_sample(ProcessSample(os.getpid(), t, number * MS, tuple(seen)))
            aggregator.advance(t)
            if number == 2:
                aggregator.begin_phase(t, Variant("a", "b"), 4, None)
                aggregator.load_state(PhaseState.MEASURE, t)
            snapshot = aggregator.snapshot(Health())
            for line in (*report.lines(snapshot), *dump_lines(snapshot)):
                assert_inert(line, lines=False)
            json.dumps(dump_document(snapshot))
        summary = aggregator.end_phase(aggregator.as_seen())
        json.dumps(document("x", aggregator.target, [summary]))
    finally:
        rings.close()


moments = st.one_of(
    st.sampled_from([0, 1, START, START + S, 2**63, MANY]),
    st.integers(START - S, START + 4 * S),
    st.integers(0, MANY),
)
numbers = st.one_of(st.integers(0, 9), st.sampled_from([2**32 - 1, 2**63, MANY]))
records = st.tuples(
    st.integers(1, 12), st.integers(0, 255), st.integers(0, 2**16 - 1), numbers, numbers, moments,
    moments, numbers, numbers, numbers, st.integers(0, 20), st.integers(0, 2**16 - 1),
)  # fmt: skip
words = st.tuples(st.integers(0, 600), st.one_of(moments, numbers))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.lists(records, max_size=30), st.lists(words, max_size=10)), max_size=5)
)
def test_any_records_cells_and_slots_make_a_picture(tmp_path, rounds):
    for old in tmp_path.iterdir():
        old.unlink()
    writers = [RingWriter(str(tmp_path), name, records=64) for name in ("server", "load")]
    for writer in writers:
        for i in range(10):
            writer.string(f"GET\x1f/{i}{EVERYTHING[i::10]}\x1f{EVERYTHING[:90]}\x1fdef\x1fx.py:1")
        writer.string(EVERYTHING[:120])
    first = [section[0] // L.WORD for section in L.sections(64)[:2]]

    def change(found):
        for i, (kind, flags, status, tid, request, t, a, x, y, z, what, n) in enumerate(found[0]):
            most = 2**32 - 1
            writers[i % 2].put(
                kind, flags, status, min(tid, most), request, t, a, min(x, most), min(y, most),
                min(z, most), what, n,
            )  # fmt: skip
        for i, (at, value) in enumerate(found[1]):
            writers[0].words[first[i % 2] + at] = value
            writers[0].words[(L.W_CELL_HIGH, L.W_OPEN_HIGH)[i % 2]] = value

    run(tmp_path, [lambda found=found: change(found) for found in rounds])


@pytest.mark.parametrize(
    ("kind", "flags", "back"),
    [(L.HOP_OUT, 0, 6), (L.END, 1, 6), (L.LIMITER, 0, 0), (L.STALL, 0, 200), (L.HOP_IN, 0, 0)],
)
def test_always_new_threads_pools_and_requests_fill_no_memory(
    tmp_path, monkeypatch, kind, flags, back
):
    """Each record names another thread, request and threadpool than all before it."""
    for module in (thread_table, intake):
        monkeypatch.setattr(module, "MOST_THREADS", 500)
    writer, t, number = RingWriter(str(tmp_path), records=1024), START, 0
    for i in range(60):
        writer.string(f"GET\x1f/{i}\x1ff\x1fdef\x1fx.py:1")
    aggregator, rings = Aggregator(t), RingSet(tmp_path)
    sizes = []
    tracemalloc.start()
    try:
        for look in range(48):
            t += 250 * MS
            for _ in range(200):
                number += 1
                tid = 7 if kind == L.HOP_IN else number
                begun = t - 200 * MS - back * MS
                writer.put(kind, flags, 0, tid, number, t - 200 * MS, begun, 5, 5, 5, number % 60)
            for batch, _ in rings.read(t):
                aggregator.add_batch(batch)
            sample = ThreadSample(7, 1, "x", "R", 0, look * MS, 0, 1, 1)
            aggregator.add_sample(ProcessSample(os.getpid(), t, look * MS, (sample,)))
            aggregator.advance(t)
            if look in (23, 47):
                aggregator.snapshot(Health())
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        rings.close()
    assert number == 9_600
    assert sizes[1] < 2 * sizes[0] + (2 << 20)
    assert sizes[1] < 100 << 20


# -- what lies where a ring should ---------------------------------------------------------------
def test_a_pipe_a_socket_a_folder_and_a_device_are_no_rings(tmp_path):
    """None of them may keep the monitor waiting; all are told, none is asked again."""
    os.mkfifo(tmp_path / "server-1-1.ring")
    (tmp_path / "server-2-1.ring").mkdir()
    (tmp_path / "server-3-1.ring").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "server-4-1.ring"))
        with pytest.raises(RingUnreadable, match=r"server-1-1\.ring is not a file"):
            RingReader(tmp_path / "server-1-1.ring")
        rings = RingSet(tmp_path)
        assert list(rings.read(START)) == []
        assert rings.trouble == "server-1-1.ring is not a file"
        assert len(rings._done) == 4
        RingWriter(str(tmp_path))
        assert len(list(rings.read(START + LOOK_NS + 1))) == 1
        rings.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_another_users_ring_is_refused_but_by_root(tmp_path):
    path = RingWriter(str(tmp_path), records=64).path
    os.chmod(path, 0o666)
    os.chmod(tmp_path, 0o777)
    os.chown(path, 12345, 12345)
    RingReader(tmp_path / os.path.basename(path)).close()
    for folder in tmp_path.parents[:3]:
        os.chmod(folder, 0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(RingUnreadable, match="belongs to another user"):
            RingReader(tmp_path / os.path.basename(path))
    finally:
        os.seteuid(0)


def test_the_name_of_a_ring_is_told_without_what_is_in_it(tmp_path):
    name = f"server-{EVERYTHING[:60]}.ring".replace("/", "").replace("\x00", "")
    (tmp_path / name).write_bytes(bytes(100))
    rings = RingSet(tmp_path)
    assert list(rings.read(START)) == []
    assert "is cut short" in rings.trouble
    assert_inert(rings.trouble, lines=False)


def test_rings_without_number_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("threadscope.rings.set.MOST_RINGS", 3)
    for i in range(5):
        RingWriter(str(tmp_path), f"server-{i}", records=64)
    rings = RingSet(tmp_path)
    assert len(list(rings.read(START))) == 3
    assert rings.trouble == "more than 3 rings: some are not read"
    rings.close()

"""Writers in real processes: at full speed, paced, killed in the middle, forked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from ring_writers import FLOOD, PACED, WRITERS

from threadscope.probe import layout as L
from threadscope.rings.reader import RingReader

pytestmark = pytest.mark.integration

LATER = 10**18
"""ns after any moment of this boot: what is missing then never comes."""


class Writer:
    """A running `ring_writers.py`."""

    def __init__(self, process, folder):
        self._process, self._folder = process, folder
        self.said = process.stdout.readline().split()

    def reader(self):
        (path,) = self._folder.glob(f"server-{self._process.pid}-*.ring")
        return RingReader(path)

    def go(self):
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def runs(self):
        return self._process.poll() is None

    def kill(self):
        self._process.kill()
        self._process.wait()


@contextmanager
def writer(what, folder):
    command = [sys.executable, str(Path(__file__).with_name("ring_writers.py")), str(folder), what]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            yield Writer(process, folder)
        finally:
            process.kill()


def numbers_by_thread(records):
    found = {}
    for record in records:
        found.setdefault(record[L.R_TID], []).append(record[L.R_REQUEST])
    return found


def test_four_writers_at_full_speed(tmp_path):
    with writer("flood", tmp_path) as flood:
        reader = flood.reader()
        records = []
        flood.go()
        while flood.runs():
            records += reader.drain(time.monotonic_ns())
        records += reader.drain(LATER)
        reader.drain(2 * LATER)
    assert len(records) + reader.dropped + reader.holes == WRITERS * FLOOD
    assert len({record[L.R_SEQ] for record in records}) == len(records), "something came twice"
    assert len(records) >= reader.slots // 2
    for numbers in numbers_by_thread(records).values():
        assert len(set(numbers)) == len(numbers)
        assert set(numbers) <= set(range(1, FLOOD + 1))
    reader.close()


def test_a_paced_writer_loses_nothing(tmp_path):
    with writer("paced", tmp_path) as paced:
        reader = paced.reader()
        numbers = []
        paced.go()
        while paced.runs():
            numbers += [record[L.R_REQUEST] for record in reader.drain(time.monotonic_ns())]
            time.sleep(0.05)  # as the monitor does
        numbers += [record[L.R_REQUEST] for record in reader.drain(LATER)]
    assert numbers == list(range(1, PACED + 1))
    assert (reader.dropped, reader.holes) == (0, 0)
    reader.close()


def newest_complete(path):
    data = path.read_bytes()[L.sections()[L.S_RECORDS][0] :]
    return max(r[0] for r in L.RECORD.iter_unpack(data) if r[0] == r[-1])


def test_a_writer_killed_in_the_middle(tmp_path):
    with writer("endless", tmp_path) as endless:
        reader = endless.reader()
        endless.go()
        records = []
        while len(records) < 5_000:
            records += reader.drain(time.monotonic_ns())
        endless.kill()
    records += reader.drain(time.monotonic_ns())
    newest = newest_complete(reader.path)
    assert max(record[L.R_SEQ] for record in records) == newest, "not all that it wrote"
    records += reader.drain(LATER)
    assert len(records) + reader.dropped + reader.holes == newest
    assert reader.holes <= WRITERS
    assert reader.drain(2 * LATER) == []
    assert [(entry.request, reader.text(entry.what)) for entry in reader.open()] == [
        (1, "GET /"),
        (2, "GET /"),
    ]
    assert [(cell.tid, cell.name) for cell in reader.cells()] == [(41, "MainThread")]
    reader.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_a_ring_of_its_own(tmp_path):
    with writer("forked", tmp_path) as forked:
        status, parent, child = (int(part) for part in forked.said)
    assert status == 0
    found = {}
    for path in tmp_path.glob("*.ring"):
        reader = RingReader(path)
        found[reader.pid] = [record[L.R_REQUEST] for record in reader.drain(0)]
        assert path.name == f"server-{reader.pid}-{reader.pid_start}.ring"
        reader.close()
    assert found == {parent: [1, 2], child: [101, 102]}

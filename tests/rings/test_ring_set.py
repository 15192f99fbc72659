"""All rings of a run folder, found as they appear and read together."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter
from threadscope.rings.set import BEAT_NS, LOOK_NS, RingSet

START = 10**12


@pytest.fixture
def rings(tmp_path):
    found = RingSet(tmp_path)
    yield found
    found.close()


def make(folder, name, number=1):
    """A ring of this process under another one's name, as if it were that one's."""
    writer = RingWriter(str(folder), name, records=64)
    os.rename(writer.path, path := f"{folder}/{name}-{number}-1.ring")
    writer.path = path
    return writer


def test_no_rings_no_batches(rings):
    assert list(rings.read(START)) == []
    assert rings.facts() is None


def test_rings_are_found_as_they_appear(rings, tmp_path):
    first = make(tmp_path, "server", 1)
    first.put(L.STEP, 0, 0, 1, 11, 1)
    ((batch, is_load),) = rings.read(START)
    assert (is_load, [record[L.R_REQUEST] for record in batch.records]) == (False, [11])
    second = make(tmp_path, "server", 2)
    second.put(L.STEP, 0, 0, 1, 22, 1)
    batches = [batch for batch, _ in rings.read(START + 1)]
    assert [[record[L.R_REQUEST] for record in batch.records] for batch in batches] == [[], [22]]


def test_rings_of_others_are_read_from_now_on(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "theirs").mkdir()
    writer = make(tmp_path / "theirs", "server")
    writer.put(L.STEP, 0, 0, 1, 11, 1)
    writer.words[writer.cell(1, 1, L.ROLE_LOOP, "loop").at + L.C_ENDED] = 7
    rings = RingSet(tmp_path / "own", lambda: [writer.path for writer in others])
    others = []
    assert list(rings.read(START)) == []
    others.append(SimpleNamespace(path=Path(writer.path)))
    assert list(rings.read(START + LOOK_NS)) == [], "they are not looked for each time"
    ((batch, is_load),) = rings.read(START + LOOK_NS + 1)
    assert (is_load, batch.records, batch.ended_before) == (False, [], 7)
    writer.put(L.STEP, 0, 0, 1, 22, 1)
    ((batch, _),) = rings.read(START + LOOK_NS + 2)
    assert [record[L.R_REQUEST] for record in batch.records] == [22]
    assert rings.pids() == {os.getpid()}
    rings.close()


def test_servers_hear_the_heart_beat_and_the_load_does_not(rings, tmp_path):
    server, load = make(tmp_path, "server"), make(tmp_path, "load", 2)
    kinds = {is_load for _, is_load in rings.read(START)}
    assert kinds == {False, True}
    assert (server.words[L.W_HEARTBEAT], load.words[L.W_HEARTBEAT]) == (START, 0)
    list(rings.read(START + BEAT_NS))
    assert server.words[L.W_HEARTBEAT] == START, "a second has not passed"
    list(rings.read(START + BEAT_NS + 1))
    assert server.words[L.W_HEARTBEAT] == START + BEAT_NS + 1


def test_a_ring_that_comes_late_is_woken_at_once(rings, tmp_path):
    make(tmp_path, "server", 1)
    list(rings.read(START))
    late = make(tmp_path, "server", 2)
    list(rings.read(START + LOOK_NS + 1))
    assert late.words[L.W_HEARTBEAT] == START + LOOK_NS + 1


def test_a_ring_that_cannot_be_read_is_named_once_and_the_others_are_read(rings, tmp_path):
    other = make(tmp_path, "server", 1)
    other.words[L.W_VERSION] = 9
    make(tmp_path, "server", 2)
    (tmp_path / "server-3-1.ring").symlink_to(tmp_path / "server-2-1.ring")
    assert len(list(rings.read(START))) == 1
    assert rings.trouble.startswith("server-1-1.ring has version 9")
    other.words[L.W_VERSION] = L.VERSION
    assert len(list(rings.read(START + LOOK_NS + 1))) == 1, "it was refused for good"


def test_a_batch_carries_what_the_ring_tells(rings, tmp_path):
    writer = make(tmp_path, "server")
    writer.cell(5, 5, L.ROLE_LOOP, "MainThread")
    slot = writer.open_slot()
    L.OPEN_SLOT.pack_into(writer.map, slot * 8, 1, writer.string("GET /"), 0, 0, 3)
    writer.error()
    ((batch, _),) = rings.read(START)
    assert [cell.name for cell in batch.cells] == ["MainThread"]
    assert [batch.text(entry.what) for entry in batch.open] == ["GET /"]
    assert (batch.t, batch.dropped, batch.holes, batch.errors) == (START, 0, 0, 1)


def test_facts_of_the_server(rings, tmp_path):
    make(tmp_path, "load", 2)
    writer = make(tmp_path, "server")
    writer.words[L.W_LOOP] = writer.string("uvloop")
    writer.words[L.W_HTTP] = writer.string("httptools")
    list(rings.read(START))
    facts = rings.facts()
    assert (facts.loop, facts.http) == ("uvloop", "httptools")
    assert facts.python.count(".") == 2


def test_closing_lets_go_of_every_descriptor(rings, tmp_path):
    make(tmp_path, "server", 1)
    make(tmp_path, "server", 2)
    before = len(os.listdir("/dev/fd"))
    list(rings.read(START))
    assert len(os.listdir("/dev/fd")) == before + 2
    rings.close()
    assert len(os.listdir("/dev/fd")) == before

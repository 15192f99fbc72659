"""Rings that are torn, holed, cut short or full of garbage: a reader survives them all."""

from __future__ import annotations

import gc
import os
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter
from threadscope.rings.reader import RingReader, RingUnreadable

MS = 1_000_000
SLOTS = 64
SIZE = L.total_size(SLOTS)
RECORDS_AT = L.sections(SLOTS)[L.S_RECORDS][0]


def requests(records):
    return [record[L.R_REQUEST] for record in records]


# -- torn records and holes ------------------------------------------------------------------------
def test_a_half_written_record_waits_until_it_is_whole(ring):
    reader = ring.reader()
    torn = ring.claim()
    ring.write(torn, last=0)
    assert reader.drain(0) == []
    ring.write(torn)
    assert requests(reader.drain(0)) == [torn]
    assert (reader.dropped, reader.holes) == (0, 0)


def test_a_torn_record_among_others_does_not_stop_them(ring):
    reader = ring.reader()
    ring.put(1)
    torn = ring.claim()
    ring.write(torn, last=torn - SLOTS & 0xFFFF)
    ring.put(3, 4)
    assert requests(reader.drain(0)) == [1, 3, 4]
    ring.write(torn)
    assert requests(reader.drain(100 * MS)) == [2], "written late, delivered late"
    assert (reader.dropped, reader.holes) == (0, 0)


def test_a_record_that_changes_while_it_is_copied_is_left_for_later(ring, monkeypatch):
    reader = ring.reader()
    ring.put(1, 2, 3)
    read_records = reader._read_records

    def first_look_sees_another_time(number, count):
        data = read_records(number, count)
        monkeypatch.undo()
        return data[:24] + b"\xff" + data[25:]

    monkeypatch.setattr(reader, "_read_records", first_look_sees_another_time)
    assert requests(reader.drain(0)) == [2, 3]
    assert requests(reader.drain(0)) == [1]


def test_a_hole_is_given_up_after_250_ms_and_counted(ring):
    reader = ring.reader()
    ring.claim()
    ring.put(2)
    assert requests(reader.drain(0)) == [2]
    assert reader.drain(250 * MS) == []
    assert reader.holes == 0
    assert reader.drain(250 * MS + 1) == []
    assert (reader.dropped, reader.holes) == (0, 1)
    assert reader.drain(900 * MS) == []
    assert reader.holes == 1


def test_a_hole_at_the_end_is_only_a_number_that_has_not_come(ring):
    reader = ring.reader()
    ring.put(1)
    late = ring.claim()
    assert requests(reader.drain(0)) == [1]
    assert reader.drain(10_000 * MS) == []
    assert reader.holes == 0
    ring.write(late)
    assert requests(reader.drain(10_000 * MS)) == [2]


def test_an_older_number_in_a_slot_is_ignored(ring):
    reader = ring.reader()
    ring.put(*range(1, SLOTS + 1))
    assert len(reader.drain(0)) == SLOTS
    hole = ring.claim()  # its slot still holds the number of a lap ago
    ring.put(SLOTS + 2)
    assert requests(reader.drain(0)) == [SLOTS + 2]
    assert reader.drain(251 * MS) == []
    assert reader.holes == 1
    ring.write(hole)  # too late: it was given up
    assert reader.drain(300 * MS) == []
    assert (reader.dropped, reader.holes) == (0, 1)


def test_a_late_number_that_was_overwritten_counts_as_dropped(ring):
    reader = ring.reader()
    hole = ring.claim()
    ring.put(*range(2, SLOTS + 1))
    assert len(reader.drain(0)) == SLOTS - 1
    ring.put(SLOTS + 1)  # takes the slot of the hole
    assert requests(reader.drain(0)) == [SLOTS + 1]
    assert (reader.dropped, reader.holes) == (1, 0)
    ring.write(hole)
    assert reader.drain(300 * MS) == []


def test_a_lap_gives_up_the_holes_before_it(ring):
    reader = ring.reader()
    ring.claim()
    ring.put(2, 3)
    assert len(reader.drain(0)) == 2
    ring.put(*range(4, 4 + 5 * SLOTS))
    read = 2 + len(reader.drain(0))
    assert read + reader.dropped + reader.holes == 3 + 5 * SLOTS


def test_a_late_record_of_an_unknown_kind_is_not_delivered(ring):
    reader = ring.reader()
    late = ring.claim()
    ring.put(2)
    reader.drain(0)
    ring.write(late, kind=99)
    assert reader.drain(0) == []


# -- files that are no rings -----------------------------------------------------------------------
def refused(path, message):
    with pytest.raises(RingUnreadable, match=message) as caught:
        RingReader(path)
    assert "\n" not in str(caught.value)


def patch(ring, word, value):
    with open(ring.path, "r+b") as file:
        file.seek(word * L.WORD)
        file.write(struct.pack("=Q", value))


def test_another_version_is_refused_with_what_to_do(ring):
    patch(ring, L.W_VERSION, 7)
    refused(ring.path, "has version 7, this threadscope reads 4: use the same threadscope on both")


def test_a_wrong_magic_is_refused(ring):
    patch(ring, L.W_MAGIC, L.MAGIC + 1)
    refused(ring.path, "is not a ring file")


@pytest.mark.parametrize("value", [0, 2**31, 2**64 - 1])
@pytest.mark.parametrize("word", range(L.W_SECTIONS, L.W_SECTIONS + 12))
def test_sections_elsewhere_are_refused(ring, word, value):
    patch(ring, word, value)
    refused(ring.path, "has sections of another shape|is cut short")


def test_a_symbolic_link_is_not_followed(ring, tmp_path):
    link = tmp_path / "server-1-1.ring"
    link.symlink_to(ring.path)
    with pytest.raises(OSError, match="symbolic link"):
        RingReader(link)


def test_no_descriptor_is_left_by_a_refusal(tmp_path):
    path = tmp_path / "x.ring"
    path.write_bytes(bytes(100))
    gc.collect()  # what other tests left must not be closed in between
    before = os.listdir("/dev/fd")
    for _ in range(5):
        refused(path, "is cut short")
    assert set(os.listdir("/dev/fd")) <= set(before)


INTERESTING = sorted(
    {0, 1, 7, 8, 511, 512, 513, SIZE - 1, SIZE - 32, SIZE - 64, RECORDS_AT + 64 * 20 + 13}
    | {offset + d for offset, _, _ in L.sections(SLOTS) for d in (-1, 0, 1)}
)


@pytest.mark.parametrize("length", INTERESTING)
def test_a_file_cut_short_is_refused(ring, length):
    ring.put(1)
    os.truncate(ring.path, length)
    refused(ring.path, "is cut short")


@pytest.mark.parametrize("length", INTERESTING)
def test_a_file_cut_short_while_it_is_read_only_ends(new_ring, tmp_path, length):
    """In a copy, so that it is the reader and not the writer who meets the missing pages."""
    whole = new_ring()
    number = whole.writer.string("text")
    whole.writer.cell(1, 1, L.ROLE_LOOP, "loop")
    whole.writer.open_slot()
    whole.put(*range(1, 101))
    copy = tmp_path / "copy.ring"
    copy.write_bytes(whole.path.read_bytes())
    reader = RingReader(copy)
    try:
        os.truncate(copy, length)
        read = reader.drain(0)
        assert set(requests(read)) <= set(range(1, 101))
        reader.drain(300 * MS)
        assert len(reader.cells()) <= 1
        assert len(reader.open()) <= 1
        assert reader.text(number) in ("", "text")
        assert len(reader.header()) == L.HEADER_WORDS
        reader.beat(1)
    finally:
        reader.close()


# -- garbage ---------------------------------------------------------------------------------------
def sample_ring(folder):
    """The bytes of a ring with something in every section."""
    writer = RingWriter(str(folder), records=SLOTS)
    for tid in range(1, 9):
        writer.cell(tid, tid, L.ROLE_WORKER, f"thread {tid}")
    for number in range(1, 9):
        L.OPEN_SLOT.pack_into(writer.map, writer.open_slot() * 8, 1, 1, 0, 0, number)
    for number in range(1, 100):
        writer.put(1 + number % 11, 0, 0, 7, number, number)
    return bytes(writer.map)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return sample_ring(tmp_path_factory.mktemp("whole"))


offsets = st.one_of(
    st.integers(0, 511),
    st.sampled_from([offset for offset, _, _ in L.sections(SLOTS)]).flatmap(
        lambda start: st.integers(start, min(start + 64 * 40, SIZE - 1))
    ),
    st.integers(0, SIZE - 1),
)
damage = st.lists(st.tuples(offsets, st.binary(min_size=1, max_size=80)), min_size=1, max_size=12)
hostile = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def exercise(reader):
    """All that a monitor asks of a ring; what it gets is bounded by the size of the file."""
    seen = 0
    for t in (0, 10, 10 + 251 * MS, 20 + 600 * MS):
        records = reader.drain(t)
        assert all(1 <= record[L.R_KIND] <= L.DONE for record in records)
        seen += len(records)
        for record in records:
            for number in (record[L.R_WHAT], record[L.R_X], record[L.R_Y]):
                assert len(reader.text(number)) <= 500
    assert seen <= SLOTS
    assert len(reader.cells()) <= L.CELLS
    assert len(reader.open()) <= L.OPEN
    assert len(reader._missing) <= SLOTS


@hostile
@given(damage, st.booleans())
def test_garbage_when_opening(whole, tmp_path, damage, from_start):
    data = bytearray(whole)
    for offset, junk in damage:
        data[offset : offset + len(junk)] = junk
    path = tmp_path / "damaged.ring"
    path.write_bytes(data)
    try:
        reader = RingReader(path, from_start=from_start)
    except RingUnreadable:
        return
    try:
        exercise(reader)
    finally:
        reader.close()


@hostile
@given(st.lists(damage, min_size=1, max_size=3))
def test_garbage_while_reading(whole, tmp_path, damage):
    path = tmp_path / "damaged.ring"
    path.write_bytes(whole)
    reader = RingReader(path)
    try:
        with open(path, "r+b") as file:
            for round in damage:
                for offset, junk in round:
                    file.seek(offset)
                    file.write(junk[: SIZE - offset])
                file.flush()
                for t in (0, 251 * MS):
                    assert len(reader.drain(t)) <= SLOTS
                reader.cells()
                reader.open()
                reader.header()
    finally:
        reader.close()


sequences = st.one_of(
    st.integers(1, 3 * SLOTS), st.integers(0, 2**64 - 1), st.sampled_from([0, 2**64 - 1, 2**63])
)


@hostile
@given(st.lists(sequences, min_size=SLOTS, max_size=SLOTS))
def test_any_numbers_in_the_slots(whole, tmp_path, seqs):
    """The worst for a reader: records that are whole and claim to be of any lap."""
    data = bytearray(whole)
    for slot, seq in enumerate(seqs):
        record = (seq - seq % SLOTS + slot) & 0xFFFF_FFFF_FFFF_FFFF
        fields = (L.STEP, 0, 0, 7, slot, slot, 0, 0, 0, 0, 0, 0)
        L.RECORD.pack_into(data, RECORDS_AT + slot * 64, record, *fields, record)
    path = tmp_path / "laps.ring"
    path.write_bytes(data)
    reader = RingReader(path)
    try:
        exercise(reader)
    finally:
        reader.close()

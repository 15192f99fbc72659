"""What a reader gets out of a ring that its writer treats well, or too fast."""

from __future__ import annotations

import errno
import itertools
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rings.ring_writers import close_slot
from threadscope.probe import layout as L
from threadscope.probe import ring as probe_ring
from threadscope.probe.ring import BLOCK, RingError, RingWriter
from threadscope.rings.reader import apart

MS = 1_000_000


def requests(records):
    return [record[L.R_REQUEST] for record in records]


def test_records_come_in_order_and_once(ring):
    reader = ring.reader()
    assert reader.drain(0) == []
    ring.put(*range(1, 41))
    assert requests(reader.drain(0)) == list(range(1, 41))
    assert reader.drain(0) == []
    ring.put(41)
    assert requests(reader.drain(0)) == [41]


def test_a_record_keeps_every_field(ring):
    fields = (L.END, L.F_ASYNC | L.F_FAILED, 503, 2**32 - 1, 2**64 - 2, 3, 4, 5, 6, 7, 65535, 8)
    ring.writer.put(*fields)
    assert ring.reader().drain(0) == [(1, *fields, 1)]


def test_more_than_a_chunk_is_read_in_one_drain(new_ring):
    ring = new_ring(4096)
    reader = ring.reader()
    ring.put(*range(1, 3001))
    assert requests(reader.drain(0)) == list(range(1, 3001))


def test_a_reader_can_begin_at_the_present(ring):
    ring.put(*range(1, 100))
    late = ring.reader(from_start=False)
    assert late.drain(0) == []
    ring.put(100)
    assert requests(late.drain(0)) == [100]
    assert late.dropped == 0


def test_two_readers_do_not_disturb_each_other(ring):
    first, second = ring.reader(), ring.reader()
    ring.put(1, 2)
    assert requests(first.drain(0)) == [1, 2]
    ring.put(3)
    assert requests(second.drain(0)) == [1, 2, 3]
    assert requests(first.drain(0)) == [3]


@pytest.mark.parametrize("written", [63, 64, 65, 71, 72, 128, 129, 1000, 10_000])
def test_a_lapped_reader_accounts_for_every_record(ring, written):
    reader = ring.reader()
    ring.put(*range(1, written + 1))
    read = requests(reader.drain(0))
    assert len(read) + reader.dropped == written
    assert reader.holes == 0
    assert read == list(range(written - len(read) + 1, written + 1)), "not the newest ones"
    assert len(read) >= min(written, 64) - 8


def test_laps_between_drains_are_added_up(ring):
    reader = ring.reader()
    read = written = 0
    for burst in (10, 70, 1, 500, 64, 63, 0, 65, 3):
        ring.put(*range(written + 1, written + burst + 1))
        written += burst
        read += len(reader.drain(0))
    assert read + reader.dropped == written
    assert 0 < reader.dropped < written


def test_one_drain_ends_though_the_writer_is_faster(ring, monkeypatch):
    """A reader that is overtaken again and again must not stay inside one call for ever."""
    reader = ring.reader()
    numbers = itertools.count(1)
    read_records = reader._read_records

    def with_a_writer_at_work(number, count):
        ring.put(*itertools.islice(numbers, 40))
        return read_records(number, count)

    monkeypatch.setattr(reader, "_read_records", with_a_writer_at_work)
    first = reader.drain(0)
    monkeypatch.undo()
    rest = reader.drain(0)
    late = reader.drain(251 * MS)  # what was overwritten while it was copied
    read = len(first) + len(rest) + len(late)
    assert read + reader.dropped + reader.holes == next(numbers) - 1


def test_strings_are_written_once_and_found_by_number(ring):
    reader = ring.reader()
    number = ring.writer.string("GET\x1f/items/{id}")
    assert ring.writer.string("GET\x1f/items/{id}") == number
    assert reader.text(number) == "GET\x1f/items/{id}"
    assert reader.text(0) == ""
    assert reader.text(number + 1) == "", "not written yet"
    assert ring.writer.string("later") == number + 1
    assert reader.text(number + 1) == "later", "an empty slot must not be remembered"
    assert reader.text(L.STRINGS) == ""


def test_strings_are_made_harmless(ring):
    nasty = "\x1b[31mred\x1b]0;title\x07\u202egnp.exe\x1ftab\there\n"
    assert ring.reader().text(ring.writer.string(nasty)) == "redgnp.exe\x1ftab    here"


def test_a_string_is_cut_to_its_slot(ring):
    text = ring.reader().text(ring.writer.string("é" * 300))
    assert text.rstrip("\ufffd") == "é" * 127


def test_too_many_strings_are_counted_and_unknown(ring):
    before = ring.reader().header()[L.W_STRING_OVERFLOW]
    numbers = [ring.writer.string(f"s{i}") for i in range(L.STRINGS + 5)]
    over = sum(number == 0 for number in numbers)
    assert over >= 5
    assert ring.reader().header()[L.W_STRING_OVERFLOW] - before == over


def test_cells_tell_what_threads_run(ring):
    reader = ring.reader()
    assert reader.cells() == []
    cell = ring.writer.cell(101, 1, L.ROLE_WORKER, "AnyIO worker thread")
    what, client = 0xFFFF | L.F_ENDPOINT << 48, 0xFFFFFFFE
    L.HOP_BEGINS.pack_into(ring.writer.map, cell.begin, 4, 5, what, client, 12)
    (seen,) = reader.cells()
    assert (seen.tid, seen.name, seen.role) == (101, "AnyIO worker thread", L.ROLE_WORKER)
    assert (seen.now_request, seen.now_since) == (12, 5)
    assert (seen.now_what, seen.now_client, seen.now_flags) == (0xFFFF, 0xFFFFFFFE, L.F_ENDPOINT)
    assert (seen.hops, seen.hops_before) == (3, 0), "the one that runs has not ended"
    ring.writer.words[cell.now] = 0
    (seen,) = reader.cells()
    assert (seen.now_request, seen.hops) == (0, 4)


def test_a_step_cell_is_the_end_of_what_a_hop_writes(ring):
    """Both are packed in one go, the request last."""
    reader = ring.reader()
    cell = ring.writer.cell(101, 1, L.ROLE_LOOP, "MainThread")
    at = (cell.at + L.C_NOW_SINCE) * L.WORD
    L.STEP_BEGINS.pack_into(ring.writer.map, at, 5, 6, 7, 12)
    (seen,) = reader.cells()
    assert seen[:5] == (12, 5, 6, 7, 0)
    assert seen.hops == 0
    assert max(L.C_HOPS, L.C_NOW_SINCE, L.C_NOW_WHAT, L.C_NOW_CLIENT) + 1 == L.C_NOW_REQUEST
    assert max(L.O_ARRIVED, L.O_WHAT, L.O_SINCE, L.O_CLIENT_REQUEST) + 1 == L.O_REQUEST


def test_a_cell_that_is_handed_on_keeps_its_totals(ring):
    reader = ring.reader()
    first = ring.writer.cell(101, 1, L.ROLE_WORKER, "first")
    ring.writer.words[first.at + L.C_HOPS] = 7
    ring.writer.free_cells([first])
    assert [cell.tid for cell in reader.cells()] == [0]
    assert ring.writer.cell(102, 2, L.ROLE_WORKER, "second").next_hop() == 8
    (seen,) = reader.cells()
    assert (seen.tid, seen.name, seen.hops, seen.hops_before) == (102, "second", 7, 7)


def test_threads_that_find_no_cell_share_the_last(ring):
    reader = ring.reader()
    cells = [ring.writer.cell(tid, tid, L.ROLE_WORKER, "w") for tid in range(1, L.CELLS + 3)]
    assert len({cell.at for cell in cells}) == L.CELLS
    assert reader.header()[L.W_CELL_OVERFLOW] == 3
    assert len(reader.cells()) == L.CELLS


def test_the_open_table_holds_what_is_open(ring):
    reader = ring.reader()
    writer = ring.writer
    slots = [writer.open_slot() for _ in range(3)]
    for number, slot in enumerate(slots, 1):
        L.OPEN_SLOT.pack_into(writer.map, slot * L.WORD, 10, 2, 20, 44, number)
    assert [entry.request for entry in reader.open()] == [1, 2, 3]
    assert reader.open()[0] == (10, 2, 20, 44, 1)
    close_slot(writer, slots[1])
    assert [entry.request for entry in reader.open()] == [1, 3]
    assert writer.open_slot() == slots[1], "the table stays dense"


def test_the_reader_looks_at_no_more_slots_than_were_needed(ring):
    """They come into use in blocks, so that opening one costs no comparison."""
    reader = ring.reader()
    assert reader.header()[L.W_OPEN_HIGH] == 0
    slots = [ring.writer.open_slot() for _ in range(BLOCK)]
    assert reader.header()[L.W_OPEN_HIGH] == BLOCK
    assert slots == sorted(slots)
    assert ring.writer.open_slot() == slots[-1] + L.OPEN_WORDS
    assert reader.header()[L.W_OPEN_HIGH] == 2 * BLOCK


def test_a_full_open_table_is_counted(ring):
    slots = [ring.writer.open_slot() for _ in range(L.OPEN + 2)]
    assert slots[-2:] == [0, 0]
    assert len(set(slots)) == L.OPEN + 1
    assert ring.reader().header()[L.W_OPEN_OVERFLOW] == 2


def test_a_heartbeat_reaches_the_writer(ring):
    ring.reader().beat(123_456)
    assert ring.writer.words[L.W_HEARTBEAT] == 123_456
    ring.reader().beat(123_999)
    assert ring.writer.words[L.W_HEARTBEAT] == 123_999


def test_the_header_says_whose_ring_it_is(ring):
    reader = ring.reader()
    assert reader.pid == os.getpid()
    assert ring.path.name == f"server-{reader.pid}-{reader.pid_start}.ring"
    assert reader.header()[L.W_CREATED] <= time.monotonic_ns()


def test_a_deleted_file_is_read_to_its_end(ring):
    reader = ring.reader()
    ring.put(1)
    ring.writer.unlink()
    ring.put(2)
    assert not ring.path.exists()
    assert requests(reader.drain(0)) == [1, 2]
    assert reader.text(ring.writer.string("still here")) == "still here"


def test_the_ring_is_halved_while_the_file_system_is_short(tmp_path, monkeypatch):
    """The one thing pretended is the full file system; the rest is the real writer and reader."""
    allocate = os.posix_fallocate
    room = L.total_size(2048)

    def short(fd, offset, length):
        if length > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        allocate(fd, offset, length)

    monkeypatch.setattr(probe_ring.os, "posix_fallocate", short)
    writer = RingWriter(str(tmp_path), records=16 * 1024)
    assert writer.slots == 2048
    assert os.stat(writer.path).st_size == room


def test_no_room_at_all_is_an_error_that_leaves_nothing(tmp_path, monkeypatch):
    def full(fd, offset, length):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(probe_ring.os, "posix_fallocate", full)
    with pytest.raises(RingError, match=r"no room for a ring .*: No space left on device"):
        RingWriter(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_ring_is_private(ring):
    assert ring.path.stat().st_mode & 0o777 == 0o600


def test_what_was_written_behind_many_claims_comes_with_them(new_ring):
    ring = new_ring(256)
    reader = ring.reader()
    claimed = [ring.claim() for _ in range(100)]
    ring.put(101)
    reader.drain(0)
    for number in claimed:
        ring.write(number)
    late = reader.drain(0) + reader.drain(0)
    assert sorted(requests(late)) == [*claimed, 101]
    assert (reader.dropped, reader.holes) == (0, 0)


@pytest.mark.parametrize("place", [1, 20, 40])
def test_a_kind_of_a_later_version_is_left_out(ring, place):
    reader = ring.reader()
    ring.put(*range(1, place))
    ring.write(ring.claim(), kind=L.HOP_END + 1)
    ring.put(*range(place + 1, 41))
    assert requests(reader.drain(0)) == [n for n in range(1, 41) if n != place]


def test_a_table_that_did_not_change_is_not_taken_apart_again(ring):
    reader, writer = ring.reader(), ring.writer
    cell = writer.cell(101, 1, L.ROLE_WORKER, "worker")
    slot = writer.open_slot()
    L.OPEN_SLOT.pack_into(writer.map, slot * L.WORD, 10, 2, 20, 44, 1)
    cells, opened = reader.cells(), reader.open()
    assert reader.cells() is cells
    assert reader.open() is opened
    writer.words[cell.at + L.C_HOPS] = 1
    close_slot(writer, slot)
    assert [cell.hops for cell in reader.cells()] == [1]
    assert reader.open() == []


@given(
    arrived=st.integers(0, 1 << 62),
    to_hop=st.integers(0, 0xFFFF_FFFF),
    hopped=st.integers(0, L.SHORT_HOP_NS),
    handed=st.integers(0, 100_000),
    last=st.integers(0, 100),
)
def test_a_hop_and_its_end_in_one_record_are_two(arrived, to_hop, hopped, handed, last):
    ended = min(to_hop + hopped + 7, 0xFFFF_FFFF)
    record = L.RECORD.unpack(
        L.HOP_ENDS.pack(9, L.HOP_END, last, 200, 11, 22, 33, handed, 44, arrived, ended, to_hop,
                        hopped, 55, 9)
    )  # fmt: skip
    hop, end = apart(record)
    begin, first, waited = arrived + to_hop, handed // 1000, max(to_hop - handed, 0) // 1000
    assert hop == (9, L.HOP_OUT, L.F_ENDPOINT, 0, 22, 44, begin + hopped, begin, hopped // 1000,
                   waited, 33, 55, 0, 9)  # fmt: skip
    held, longest = first + last, max(first, last)
    assert end == (9, L.END, 0, 200, 11, 44, arrived + ended, arrived, held, held, longest, 55,
                   2, 9)  # fmt: skip
    assert apart(end) == (end,)


def test_a_hop_and_its_end_are_read_as_two(ring):
    reader = ring.reader()
    ring.put(1)
    L.HOP_ENDS.pack_into(
        ring.writer.map, ring.writer.records_at + ring.claim() * L.RECORD.size,
        2, L.HOP_END, 1, 200, 11, 22, 33, 20, 44, 1000, 900, 100, 10, 0, 2,
    )  # fmt: skip
    ring.put(3)
    kinds = [record[L.R_KIND] for record in reader.drain(0)]
    assert kinds == [L.STEP, L.HOP_OUT, L.END, L.STEP]

from __future__ import annotations

import pytest

from threadscope.probe import layout as L
from threadscope.probe.ring import RingWriter
from threadscope.rings.reader import RingReader


class File:
    """A ring's writer and the bytes that it wrote, for tests that damage them."""

    def __init__(self, folder, records):
        self.writer = RingWriter(str(folder), records=records)
        self.path = folder / self.writer.path.rpartition("/")[2]
        self._readers = []

    def reader(self, **options):
        reader = RingReader(self.path, **options)
        self._readers.append(reader)
        return reader

    def put(self, *numbers):
        """One record a number; the number is its request and its time."""
        for number in numbers:
            self.writer.put(L.STEP, 0, 0, 7, number, number)

    def claim(self):
        """A writer that got a number and has not written yet."""
        return self.writer.claim()

    def write(self, seq, *, last=None, kind=L.STEP):
        """The late write of a claimed number; `last` as if it were only half done."""
        at = self.writer.records_at + seq % self.writer.slots * L.RECORD.size
        fields = (kind, 0, 0, 7, seq, seq, 0, 0, 0, 0, 0, 0)
        L.RECORD.pack_into(self.writer.map, at, seq, *fields, seq if last is None else last)

    def close(self):
        for reader in self._readers:
            reader.close()


@pytest.fixture
def new_ring(tmp_path):
    """Makes ring files."""
    made = []

    def make(records=64, folder=tmp_path):
        made.append(File(folder, records))
        return made[-1]

    yield make
    for file in made:
        file.close()


@pytest.fixture
def ring(new_ring):
    return new_ring()

"""All rings of one observation: found as they appear, read together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from threadscope.model.records import Batch
from threadscope.probe import layout as L
from threadscope.rings.reader import RingReader, RingUnreadable

LOOK_NS = 500_000_000
BEAT_NS = 1_000_000_000


class Facts(NamedTuple):
    """What a server's ring says of the server."""

    python: str
    gil: bool
    loop: str
    http: str


class RingSet:
    """The rings of a run folder.

    Attributes:
        trouble: why a ring cannot be read, "" if all can.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._readers: dict[str, RingReader] = {}
        self._refused: set[str] = set()
        self._looked = self._beaten = 0
        self.trouble = ""

    def read(self, t: int) -> Iterator[tuple[Batch, bool]]:
        """One batch a ring, and whether it is the load's.

        Args:
            t: monotonic ns.
        """
        if t - self._looked > LOOK_NS:
            self._looked = t
            self._find()
        beats = t - self._beaten > BEAT_NS
        if beats:
            self._beaten = t
        for name, reader in self._readers.items():
            is_load = name.startswith("load-")
            if beats and not is_load:
                reader.beat(t)
            records = reader.drain(t)
            header = reader.header()
            batch = Batch(
                pid=reader.pid,
                t=t,
                records=records,
                cells=[] if is_load else reader.cells(header),
                open=[] if is_load else reader.open(header),
                text=reader.text,
                dropped=reader.dropped,
                holes=reader.holes,
                errors=header[L.W_ERRORS],
            )
            yield batch, is_load

    def _find(self) -> None:
        try:
            names = set(os.listdir(self._folder))
        except OSError:
            return  # the whole folder is gone: its observation is over
        for name in sorted(names - self._readers.keys() - self._refused):
            if not name.endswith(".ring"):
                continue
            try:
                self._readers[name] = RingReader(self._folder / name)
                self._beaten = 0
            except RingUnreadable as error:
                self._refused.add(name)
                self.trouble = str(error)
            except OSError:
                continue  # gone between the list and the look: its process ended

    def facts(self) -> Facts | None:
        """Of the first server whose ring was found."""
        for name, reader in self._readers.items():
            if name.startswith("server-"):
                header = reader.header()
                loop, http = reader.text(header[L.W_LOOP]), reader.text(header[L.W_HTTP])
                return Facts(reader.text(header[L.W_PYTHON]), bool(header[L.W_GIL]), loop, http)
        return None

    def close(self) -> None:
        """Lets go of all rings."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

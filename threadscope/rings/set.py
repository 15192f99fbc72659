"""All rings of one observation: found as they appear, read together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from threadscope.model.records import Batch
from threadscope.probe import layout as L
from threadscope.rings.reader import RingReader, RingUnreadable

LOOK_NS = 500_000_000
"""From one look for rings that others have made to the next. Into our own folder we look each time:
a worker's requests are there as soon as its ring, and must be folded in their time."""
BEAT_NS = 1_000_000_000


class Facts(NamedTuple):
    """What a server's ring says of the server."""

    python: str
    gil: bool
    loop: str
    http: str


class RingSet:
    """The rings of a run folder, and those that somebody else has made.

    Args:
        folder: of our own run.
        others: paths of further rings, asked at each look.

    Attributes:
        trouble: why a ring cannot be read, "" if all can.
    """

    def __init__(self, folder: Path, others: Callable[[], Iterable[Path]] = lambda: ()) -> None:
        self._folder, self._others = folder, others
        self._readers: dict[Path, RingReader] = {}
        self._refused: set[Path] = set()
        self._looked = self._beaten = 0
        self.trouble = ""

    def read(self, t: int) -> Iterator[tuple[Batch, bool]]:
        """One batch a ring, and whether it is the load's.

        Args:
            t: monotonic ns.
        """
        others: Iterable[Path] = ()
        if t - self._looked > LOOK_NS:
            self._looked = t
            others = self._others()
        self._find(others)
        beats = t - self._beaten > BEAT_NS
        if beats:
            self._beaten = t
        for path, reader in self._readers.items():
            is_load = path.name.startswith("load-")
            if beats and not is_load:
                reader.beat(t)
            records = reader.drain(t)
            batch = Batch(
                pid=reader.pid,
                t=t,
                records=records,
                cells=[] if is_load else reader.cells(),
                open=[] if is_load else reader.open(),
                text=reader.text,
                dropped=reader.dropped,
                holes=reader.holes,
                errors=reader.header()[L.W_ERRORS],
                ended_before=reader.ended_before,
            )
            yield batch, is_load

    def _find(self, others: Iterable[Path]) -> None:
        own = set(self._folder.glob("*.ring"))
        for path in sorted(own.union(others)):
            if path in self._readers or path in self._refused:
                continue
            try:  # of a server that ran before us, only what comes from now on
                self._readers[path] = RingReader(path, from_start=path in own)
                self._beaten = 0
            except RingUnreadable as error:
                self._refused.add(path)
                self.trouble = str(error)
            except OSError:
                continue  # gone between the list and the look: its process ended

    def facts(self) -> Facts | None:
        """Of the first server whose ring was found."""
        for path, reader in self._readers.items():
            if path.name.startswith("server-"):
                header = reader.header()
                loop, http = reader.text(header[L.W_LOOP]), reader.text(header[L.W_HTTP])
                return Facts(reader.text(header[L.W_PYTHON]), bool(header[L.W_GIL]), loop, http)
        return None

    def pids(self) -> set[int]:
        """Of the servers whose rings are read."""
        return {
            reader.pid for path, reader in self._readers.items() if path.name.startswith("server-")
        }

    def close(self) -> None:
        """Lets go of all rings."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

"""All rings of one observation: found as they appear, read together."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from threadscope.model.records import Batch
from threadscope.model.text import clean
from threadscope.probe import layout as L
from threadscope.rings.life import lives
from threadscope.rings.reader import RingReader, RingUnreadable

LOOK_NS = 500_000_000
"""From one look for rings that others have made to the next. Into our own folder we look each time:
a worker's requests are there as soon as its ring, and must be folded in their time."""
BEAT_NS = 1_000_000_000
MOST_RINGS = 1024
"""Of one observation: many more than a server has processes."""
_PASSING = (errno.ENOENT, errno.EMFILE, errno.ENFILE)
"""What may be otherwise at the next look: its process ended just now, or we lack descriptors."""


class Facts(NamedTuple):
    """What a server's ring says of the server."""

    python: str
    gil: bool
    loop: str
    http: str


class RingSet:
    """The rings of a run folder, and those that somebody else has made.

    Workers come and go while we watch: the ring of one that has ended is read to its end and let
    go of, and its file removed where it is ours. What it told stays with whoever was told.

    Args:
        folder: of our own run.
        others: paths of further rings, asked at each look.

    Attributes:
        trouble: why the first of the rings that cannot be read is not, "" if all can.
    """

    def __init__(self, folder: Path, others: Callable[[], Iterable[Path]] = lambda: ()) -> None:
        self._folder, self._others = folder, others
        self._readers: dict[str, RingReader] = {}
        """By the name in our folder, or by the whole path."""
        self._lived: set[str] = set()
        """Those whose servers were seen to live."""
        self._ended: set[str] = set()
        """Those of them that were not, at the last beat."""
        self._done: set[str] = set()
        """What cannot be read, and what was read to its end."""
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
                ended_before=reader.ended_before,
                no_slot=header[L.W_OPEN_OVERFLOW],
                no_name=header[L.W_STRING_OVERFLOW],
                no_cell=header[L.W_CELL_OVERFLOW],
            )
            yield batch, is_load
        if beats:
            self._let_go()

    def _let_go(self) -> None:
        """Closes what was over at the beat before: what came late was read since."""
        for name in self._ended:
            self._readers.pop(name).close()
            self._lived.discard(name)
            self._done.add(name)
            if not os.path.isabs(name):
                with contextlib.suppress(OSError):
                    os.unlink(self._folder / name)
        self._ended.clear()
        for name, reader in self._readers.items():
            if lives(reader.pid, reader.pid_start):
                self._lived.add(name)
            elif name in self._lived and _of_server(name):
                self._ended.add(name)

    def _find(self, others: Iterable[Path]) -> None:
        try:
            names = {name for name in os.listdir(self._folder) if name.endswith(".ring")}
        except OSError:
            names = set()  # the whole folder is gone: its observation is over
        seen = self._readers.keys() | self._done
        for name in sorted(names.union(map(str, others)) - seen):
            if len(self._readers) >= MOST_RINGS:
                self.trouble = self.trouble or f"more than {MOST_RINGS:,} rings: some are not read"
                return
            try:  # of a server that ran before us, only what comes from now on
                path = self._folder / name  # which is `name` where that is a whole path
                reader = self._readers[name] = RingReader(path, from_start=name in names)
                if lives(reader.pid, reader.pid_start):
                    self._lived.add(name)
                self._beaten = 0
            except RingUnreadable as error:
                self._refuse(name, str(error))
            except OSError as error:
                if error.errno not in _PASSING:
                    self._refuse(name, f"{clean(os.path.basename(name), 80)}: {error.strerror}")

    def _refuse(self, name: str, why: str) -> None:
        if len(self._done) < MOST_RINGS:  # as many as wish to be remembered
            self._done.add(name)
        self.trouble = self.trouble or why

    def facts(self) -> Facts | None:
        """Of the first server whose ring was found."""
        for name, reader in self._readers.items():
            if _of_server(name):
                header = reader.header()
                python, loop, http = (
                    clean(reader.text(header[word])) for word in (L.W_PYTHON, L.W_LOOP, L.W_HTTP)
                )
                return Facts(python, bool(header[L.W_GIL]), loop, http)
        return None

    def pids(self) -> set[int]:
        """Of the servers whose rings are read."""
        return {reader.pid for name, reader in self._readers.items() if _of_server(name)}

    def close(self) -> None:
        """Lets go of all rings."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        self._ended.clear()


def _of_server(name: str) -> bool:
    return os.path.basename(name).startswith("server-")

"""A server that runs already: looked for, watched, and left as it was."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from threadscope.model.snapshot import TargetInfo
from threadscope.probe import folders

from . import inspection
from .errors import TargetError
from .find import resolve, rings_of
from .inject import inject
from .inspection import Process
from .newcomers import Newcomers
from .process import Ended
from .reach import why_not_injected
from .sockets import Listener, base_url, inodes, listeners, waiting
from .target import Target
from .tree import family, without_us

_RING_S = 2.0
"""A probe that was asked to come in has made its ring by then."""


class AttachTarget(Target):
    """A server by the number of one of its processes, or by its port.

    Args:
        name: `4321` or `:8000`.
        into: take a probe into processes that have none.
    """

    def __init__(self, name: str, *, into: bool = False) -> None:
        self._name, self._into = name, into
        self._top = Process(0, 0)
        self._listeners: list[Listener] = []
        self._why = ""
        self._folder: Path | None = None
        self._newcomers = Newcomers(self._serving, self._place if into else None)

    def start(self, folder: Path, environment: Mapping[str, str]) -> TargetInfo:
        """Finds it; with `into`, takes probes into its processes.

        Raises:
            TargetError: there is none, it is not for us, or it is no Python server.
        """
        pid = resolve(self._name)
        self._top = inspection.process(inspection.supervisor(pid))
        pids = self.pids()
        shown = inspection.command(pid) or f"process {pid}"
        pythons = [one for one in pids if inspection.is_python(one)]
        self._listeners = listeners(pythons)
        if not self._listeners:
            what = "a Python that listens on nothing" if pid in pythons else "not a Python"
            raise TargetError(
                f"process {pid} is {what} ({shown[:60]}): `threadscope attach` lists the servers"
                " that it finds"
            )
        if self._into:
            self._inject()
        command = inspection.command(self._top.pid)
        return TargetInfo(
            title=inspection.title(self._top.pid), url=self.url(), pids=pids, command=command,
            python=inspection.python_version(pid),
        )  # fmt: skip

    def _inject(self) -> None:
        """Takes a probe into each process that serves and has none."""
        without = [pid for pid in self._serving() if not rings_of([pid])]
        if not without:
            return
        try:
            folder = self._place()
        except OSError as error:
            raise TargetError(f"there is no place for a ring: {error}") from None
        for pid in without:
            why = inject(pid, folder)
            if why:
                self.stop()
                raise TargetError(f"no probe came into process {pid}: {why}")
        end = time.monotonic() + _RING_S
        while not rings_of(without) and time.monotonic() < end:
            time.sleep(0.02)

    def _place(self) -> Path:
        """The folder for rings of ours, which stays as long as the server does."""
        if self._folder is None:
            try:
                self._folder = Path(folders.new_run(self._top.pid))
            except ValueError as error:
                raise OSError(str(error)) from None
        return self._folder

    def _serving(self) -> list[int]:
        """Those that hold a listening socket and have no child that does."""
        held = {one.inode for one in self._listeners}
        mine = [pid for pid in self.pids() if inodes(pid) & held and inspection.is_python(pid)]
        parents = {inspection.parent(pid) for pid in mine}
        return [pid for pid in mine if pid not in parents]

    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return without_us(family(self._top.pid)) if self._top.lives else ()

    def poll(self) -> Ended | None:
        """Whether it ended; nobody can know how."""
        return None if self._top.lives else Ended(words="ended")

    def output(self, count: int) -> tuple[str, ...]:
        """None of it comes to us."""
        return ()

    def stop(self) -> None:
        """Leaves it as it was: its probe sleeps when nobody beats any more.

        Our folder stays as long as a probe of the server has its ring there.
        """
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.rmdir()  # no probe came in
        if not self.pids():
            shutil.rmtree(self._folder, ignore_errors=True)

    def rings(self) -> Sequence[Path]:
        """Of its processes, wherever they are."""
        return rings_of(self.pids())

    def url(self) -> str:
        """Where it listens."""
        return base_url(self._listeners)

    def missing(self, probed: Collection[int]) -> str:
        """Processes that serve and have no probe; with `into` they get one."""
        return self._newcomers.look(self.pids(), probed)

    def unseen(self) -> str:
        """Why there is no probe in it."""
        if self._into:
            return "its processes are new, and have no probe yet"
        if not self._why:
            serving = self._serving() or [self._top.pid]
            self._why = why_not_injected(serving[0])
        return self._why

    def waiting(self) -> int | None:
        """By its sockets."""
        ports = [one.port for one in self._listeners if one.port]
        return waiting(self._top.pid, ports) if ports and self._top.lives else None

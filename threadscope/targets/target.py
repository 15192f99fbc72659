"""What a session needs of a server: somebody who starts it, looks after it and may end it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from threadscope.model.snapshot import TargetInfo

from .process import Ended


class Target(Protocol):
    """A server that is watched: a demo, one's own command, or one that runs already."""

    def start(self, folder: Path, environment: Mapping[str, str]) -> TargetInfo:
        """Brings it up, or finds it; returns when it can be watched, and asked if it has a URL.

        Args:
            folder: for its rings; removed when a server of ours has ended.
            environment: in which a Python process comes up with the probe.

        Returns:
            What is known of it from outside.

        Raises:
            TargetError: it does not come up, or there is none.
        """
        ...

    def pids(self) -> tuple[int, ...]:
        """Its processes that live now, the first one first. Called once a second."""
        ...

    def poll(self) -> Ended | None:
        """How it ended; None while it runs. Never waits."""
        ...

    def output(self, count: int) -> tuple[str, ...]:
        """The last lines that it printed; none where nobody can know them."""
        ...

    def stop(self) -> None:
        """Ends it, if it is ours to end. Bounded, and may be called again."""
        ...

    def rings(self) -> Sequence[Path]:
        """Rings of its processes that lie elsewhere than in the folder that it was given."""
        return ()

    def url(self) -> str:
        """Where it listens now, without a slash at the end; "" where that is not known (yet)."""
        return ""

    def outlives(self) -> bool:
        """Whether it goes on without us, and so do its rings."""
        return False

    def unseen(self) -> str:
        """Why its requests cannot be seen, and what to do about it; "" while that is not known."""
        return ""

    def missing(self, probed: Collection[int]) -> str:
        """Which process that serves has no probe, and what becomes of it; "" where none is known.

        Args:
            probed: processes whose probes are heard.
        """
        return ""

    def waiting(self) -> int | None:
        """Requests that its sockets hold and it has not read, at the least; None: not known."""
        return None

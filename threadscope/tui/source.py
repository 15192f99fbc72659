"""What the screen needs from the rest: something to look at, and something to steer."""

from __future__ import annotations

from typing import Protocol

from threadscope.model.snapshot import Snapshot, Variant


class Source(Protocol):
    """Where snapshots come from: a live session, a replayed file, a test."""

    def latest(self) -> Snapshot | None:
        """The newest snapshot, or None until there is one. Returns at once."""
        ...


class Controls(Protocol):
    """What the keys steer. Every call returns at once; the work happens elsewhere."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The ways to answer the demo's requests; empty where there are none."""
        ...

    @property
    def broken(self) -> str:
        """Why nothing can be steered any more: `the server was killed by SIGKILL`; else ""."""
        ...

    def show_variant(self, key: str) -> None:
        """Send the load to another variant."""
        ...

    def tour(self) -> None:
        """Measure one variant after the other."""
        ...

    def change_clients(self, by: int) -> None:
        """Let so many clients more (or fewer) ask."""
        ...

    def toggle_load(self) -> None:
        """Stop the load, or start it again."""
        ...

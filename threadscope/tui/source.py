"""What the screen needs from the rest: something to look at, and something to steer."""

from __future__ import annotations

from typing import Protocol

from threadscope.model.history import History
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

    def change_rate(self, up: bool) -> None:
        """Let requests come on a schedule, faster or slower."""
        ...

    def toggle_load(self) -> None:
        """Stop the load, or start it again."""
        ...


class Player(Source, Protocol):
    """A source that is over already: its clock can be stopped, turned back, and run fast."""

    history: History
    """All that there is to see, as far as it was read."""
    speed: float
    """Seconds of the observation a second."""

    @property
    def length_ns(self) -> int:
        """From its begin to its end."""
        ...

    def pause(self) -> None:
        """Stop the clock."""
        ...

    def play_from(self, t: int) -> None:
        """Let it go on from a moment, monotonic ns."""
        ...

    def change_speed(self, by: int) -> None:
        """So many steps faster, or slower."""
        ...


class Camera(Protocol):
    """Takes pictures and screencasts. What its methods return is for the user."""

    @property
    def rolling(self) -> bool:
        """Whether it records."""
        ...

    @property
    def trouble(self) -> str:
        """Why it records no more; "" while it does."""
        ...

    def start(self, width: int, height: int) -> str:
        """Begin a screencast of a screen of this size."""
        ...

    def stop(self) -> str:
        """End it."""
        ...

    def output(self, data: str, width: int, height: int) -> None:
        """What the screen is sent, and its size."""
        ...

    def marker(self, label: str) -> None:
        """A place in the screencast to jump to."""
        ...

    def picture(self, screen: str, width: int, height: int) -> str:
        """Write a picture of a screen, by what draws all of it."""
        ...

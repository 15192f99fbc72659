"""Screencasts as pictures: what a terminal would have shown, and when.

pyte plays the terminal, so that casts of other recorders and other programs can be shown too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyte
from pyte.screens import Char

from threadscope.model.text import clean
from threadscope.recording.blocks import refuse_other_than_files
from threadscope.recording.errors import RecordingError
from threadscope.recording.memory import check_memory

FOREGROUND, BACKGROUND = "e0e0e0", "121212"
"""Of what has no colour of its own."""
NAMED = {
    "black": "000000", "red": "c0392b", "green": "27ae60", "brown": "d4a017", "blue": "2f6fdf",
    "magenta": "a044b5", "cyan": "1fa3a3", "white": "d0d0d0", "brightblack": "666666",
    "brightred": "ff6b5e", "brightgreen": "5fd787", "brightbrown": "ffd75f",
    "brightyellow": "ffd75f", "brightblue": "6ea8fe", "brightmagenta": "d787ff",
    "bfightmagenta": "d787ff", "brightcyan": "5fd7d7", "brightwhite": "ffffff",
}  # fmt: skip
"""pyte's names of the sixteen colours (one of them misspelt there)."""
FOREIGN = re.compile(
    r"\x1b\[(?:[<=>][0-9;:]*[ -/]*[@-~]|\?[0-9;]*[ -/]*[@-GILMO-gi-km-~])"  # not [hlJKn]
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
)
"""What pyte takes for something else: private sequences, and strings other than titles."""
UNSHOWN = re.compile(
    "[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""What no XML may hold, and what would steer a terminal: control characters, halves of characters,
marks that turn the direction of writing or have no width."""
HEX = re.compile("[0-9a-f]{6}")
MAX_SIDE, MAX_CELLS = 1000, 200_000
"""Columns or rows, and cells in all; no terminal has more."""
MAX_LINE = 32 << 20
"""Bytes of an event: what is sent to a screen at once is a thousandth of that."""
MAX_S = 1e9
"""Thirty years."""
LINES_A_LOOK = 256
"""From one look at our memory to the next."""


class Run(NamedTuple):
    """Characters of one look, next to each other in a row."""

    column: int
    width: int
    """In cells: a wide character takes two."""
    text: str
    fg: str
    bg: str
    """Colours as `rrggbb`."""
    bold: bool
    italic: bool
    underline: bool


Row = tuple[Run, ...]


class Frame(NamedTuple):
    """One picture."""

    t: float
    """Seconds since the first one."""
    columns: int
    rows: tuple[Row, ...]

    @property
    def text(self) -> str:
        """Its characters alone."""
        return "\n".join("".join(run.text for run in row).rstrip() for row in self.rows)


class CastEvent(NamedTuple):
    """A line of a screencast."""

    t: float
    """Seconds since its begin."""
    code: str
    data: str
    read: int
    """Bytes of the file up to here."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a screencast is shown, and how."""

    fps: float = 8.0
    """Pictures a second, at most."""
    begin: float = 0.0
    until: float | None = None
    """Seconds of the screencast."""
    idle: float | None = None
    """Nothing takes longer than this: longer rests are cut short. Seconds."""


class Cast:
    """A screencast in a file: asciicast v2 or v3.

    Args:
        path: the file.

    Raises:
        RecordingError: it cannot be read, or is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            refuse_other_than_files(path)
            self.bytes = path.stat().st_size
            with path.open(encoding="utf-8") as file:
                head = json.loads(file.readline(1 << 20))
            self.version = head["version"]
            if self.version not in (2, 3):
                raise RecordingError(
                    f"{path} is asciicast v{self.version}; only v2 and v3 can be read"
                )
            size = head["term"] if self.version == 3 else head
            names = ("cols", "rows") if self.version == 3 else ("width", "height")
            self.columns, self.rows = _sides(*(size[name] for name in names))
            self.title = clean(str(head.get("title") or path.stem), 200)
        except OSError as error:
            raise RecordingError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RecordingError(f"{path} is no screencast (asciicast v2 or v3)") from error

    def events(self) -> Iterator[CastEvent]:
        """Its events; where it was cut off in the middle of a line, those before.

        Raises:
            RecordingError: a line in the middle is none.
        """
        clock, read = 0.0, 0
        with self.path.open("rb") as file:
            for number, line in enumerate(iter(partial(file.readline, MAX_LINE), b""), 1):
                if number % LINES_A_LOOK == 0:
                    check_memory(self.path)
                read += len(line)
                if number == 1 or not line.strip() or line.startswith(b"#"):
                    continue
                try:
                    t, code, data = json.loads(line)
                    clock = _moment(clock + t if self.version == 3 else t)
                except (ValueError, TypeError, RecursionError, OverflowError):
                    if read >= self.bytes:
                        return
                    raise RecordingError(f"{self.path}, line {number}: no event") from None
                yield CastEvent(clock, str(code), str(data), read)


def _sides(columns: Any, rows: Any) -> tuple[int, int]:  # noqa: ANN401  # from JSON
    for side in (columns, rows):
        if type(side) is not int or not 1 <= side <= MAX_SIDE:
            raise ValueError(side)
    if columns * rows > MAX_CELLS:
        raise ValueError(columns * rows)
    return columns, rows


def _moment(t: Any) -> float:  # noqa: ANN401  # from JSON
    if not isinstance(t, int | float) or not 0 <= t <= MAX_S:
        raise ValueError(t)
    return float(t)


class Terminal:
    """A screen that is written to, and its rows as runs.

    Args:
        columns: of it.
        rows: of it.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._rows: list[Row] = [()] * rows
        self._screen.dirty.update(range(rows))

    def feed(self, data: str) -> None:
        """What the screen is sent; what the emulator trips over is left out."""
        try:
            self._stream.feed(FOREIGN.sub("", data))
        except (TypeError, ValueError, LookupError, AttributeError):
            self._stream = pyte.Stream(self._screen)

    def resize(self, columns: int, rows: int) -> None:
        """Another size; what is beyond it is gone."""
        self._screen.resize(rows, columns)
        self._rows = [()] * rows
        self._screen.dirty.update(range(rows))

    def frame(self, t: float) -> Frame:
        """The screen as it is."""
        screen = self._screen
        for y in screen.dirty:
            if y < len(self._rows):
                line = screen.buffer[y]
                self._rows[y] = _runs([line[x] for x in range(screen.columns)])
        screen.dirty.clear()
        return Frame(t, screen.columns, tuple(self._rows))


def _runs(cells: list[Char]) -> Row:
    out: list[Run] = []
    begin = 0
    for x in range(1, len(cells) + 1):
        look = cells[begin]
        if x < len(cells) and cells[x][1:] == look[1:]:
            continue
        fg, bg = _colour(look.fg, FOREGROUND), _colour(look.bg, BACKGROUND)
        if look.reverse:
            fg, bg = bg, fg
        text = UNSHOWN.sub("?", "".join(cell.data for cell in cells[begin:x]))
        out.append(Run(begin, x - begin, text, fg, bg, look.bold, look.italics, look.underscore))
        begin = x
    return tuple(out)


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    colour = NAMED.get(name, name)
    return colour if HEX.fullmatch(colour) else default


def frame_of(screen: str, columns: int, rows: int) -> Frame:
    """The picture that a whole screen's escape sequences draw."""
    terminal = Terminal(columns, rows)
    terminal.feed(screen)
    return terminal.frame(0.0)


def frames(cast: Cast, cut: Cut) -> Iterator[tuple[Frame, int]]:
    """The pictures of a screencast, each with the bytes of the file that were read for it.

    Of several within one step of the frame rate only the last is given, of equal ones the first.
    The last one stands for the end: it comes again, if need be, when the screencast ends.
    """
    terminal = Terminal(cast.columns, cast.rows)
    steps = _Steps(cut)
    shown: Frame | None = None
    t, read = 0.0, 0
    for event in cast.events():
        if cut.until is not None and event.t > cut.until:
            break
        due = steps.passed(event.t)
        if due is not None and t >= cut.begin:
            frame = terminal.frame(due)
            if shown is None or frame[1:] != shown[1:]:
                yield frame, read
                shown = frame
        if event.code == "o":
            terminal.feed(event.data)
        elif event.code == "r":
            terminal.resize(*_size(event.data, cast.path))
        t, read = event.t, event.read
    yield terminal.frame(steps.end(t)), read


def _size(data: str, path: Path) -> tuple[int, int]:
    try:
        columns, rows = (int(part) for part in data[:20].split("x"))
        return _sides(columns, rows)
    except ValueError as error:
        raise RecordingError(f"{path}: {data!r:.40} is no size of a terminal") from error


class _Steps:
    """The clock of the pictures: it begins at `begin`, and rests no longer than `idle`."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._step = 0
        self._before = cut.begin
        self._saved = 0.0

    def passed(self, t: float) -> float | None:
        """When the picture before an event at t was complete; None: it goes on changing."""
        now = self._clock(t)
        step = int(now * self._cut.fps)
        if t < self._cut.begin or step == self._step:
            return None
        begun, self._step = self._step, step
        return begun / self._cut.fps

    def _clock(self, t: float) -> float:
        t = max(t, self._cut.begin)
        if self._cut.idle is not None:
            self._saved += max(t - self._before - self._cut.idle, 0.0)
        self._before = max(t, self._before)
        return t - self._cut.begin - self._saved

    def end(self, t: float) -> float:
        """When it ends."""
        return max(self._clock(t), self._step / self._cut.fps)

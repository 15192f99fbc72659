"""Films as GIF: the one form that every ticket system shows. Needs Pillow, the extra `image`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from threadscope.recording.errors import RecordingError
from threadscope.recording.frames import Frame, Row, Run
from threadscope.recording.glyphs import boxes
from threadscope.recording.paths import write_whole
from threadscope.recording.svg import ground_of, screen_size

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

CELL, LINE, SIZE = 8, 17, 13
"""Pixels of a cell, and of the letters in it."""
COLOURS = 255
LAST_MS = 3000
FONTS = (
    "DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "NotoSansMono-Regular.ttf", "Menlo.ttc",
    "consola.ttf",
)  # fmt: skip
"""Known to have the letters, looked for where Pillow looks."""
PACKAGED = "fontpkg_jetbrains_mono"
"""The font package of the extra."""


def write_gif(path: Path, frames: Sequence[Frame]) -> None:
    """Writes an animated GIF that begins again after its end.

    Args:
        path: the file.
        frames: one or more.

    Raises:
        RecordingError: Pillow or a font is missing, or the file cannot be written.
    """
    if find_spec("PIL") is None:
        raise RecordingError("a GIF needs Pillow: pip install 'threadscope[image]'")
    painter = _Painter(frames)
    pictures = painter.pictures()
    whole = BytesIO()
    next(pictures).save(
        whole,
        format="GIF",
        save_all=True,
        append_images=pictures,
        duration=_durations(frames),
        loop=0,
        optimize=False,
    )
    write_whole(path, whole.getvalue(), links=True)


def _durations(frames: Sequence[Frame]) -> list[int]:
    """Milliseconds of each; GIF counts in hundredths, so the moments are rounded, not the gaps."""
    moments = [round(frame.t * 100) * 10 for frame in frames]
    gaps = [b - a for a, b in pairwise(moments)]
    return [max(gap, 20) for gap in gaps] + [LAST_MS]


class _Painter:
    """Draws frames; what two frames have in common is drawn once."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        from PIL import Image

        self._frames, self._ground = frames, ground_of(frames)
        self._fonts = _fonts()
        columns, rows = screen_size(frames)
        self._size = columns * CELL, rows * LINE
        self._palette = Image.new("P", (1, 1))
        self._palette.putpalette(self._colours())
        self._drawn: dict[Row, Image.Image] = {}

    def _colours(self) -> list[int]:
        """A palette for all frames: the colours, and what lies between a letter and its ground."""
        pairs: dict[tuple[str, str], int] = {}
        for frame in self._frames:
            for row in frame.rows:
                for run in row:
                    pairs[run.fg, run.bg] = pairs.get((run.fg, run.bg), 0) + run.width
        out: dict[tuple[int, ...], None] = {}
        often = sorted(pairs, key=lambda pair: -pairs[pair])
        for share in (0.0, 1.0, 0.5, 0.25, 0.75):
            for fg, bg in often:
                out[_between(fg, bg, share)] = None
        flat = [value for colour in list(out)[:COLOURS] for value in colour]
        return flat + [0] * (768 - len(flat))

    def pictures(self) -> Iterator[Image.Image]:
        """One a frame, in the palette's colours."""
        from PIL import Image

        for frame in self._frames:
            picture = Image.new("RGB", self._size, f"#{self._ground}")
            used = {}
            for y, row in enumerate(frame.rows):
                used[row] = self._drawn.get(row) or self._row(row)
                picture.paste(used[row], (0, y * LINE))
            self._drawn = used  # the next frame has most of them too
            yield picture.quantize(palette=self._palette, dither=Image.Dither.NONE)

    def _row(self, row: Row) -> Image.Image:
        from PIL import Image, ImageDraw

        picture = Image.new("RGB", (self._size[0], LINE), f"#{self._ground}")
        draw = ImageDraw.Draw(picture)
        for run in row:
            left = run.column * CELL
            draw.rectangle((left, 0, left + run.width * CELL - 1, LINE - 1), f"#{run.bg}")
            for i, char in enumerate(run.text):
                if char == " ":
                    continue
                x = left + int(i * run.width / len(run.text)) * CELL
                shapes = boxes(char)
                if shapes is None:
                    font = self._fonts[run.bold]
                    draw.text((x, 1), char, f"#{run.fg}", font=font)
                else:
                    self._shapes(draw, run, x, char)
        return picture

    def _shapes(self, draw: ImageDraw.ImageDraw, run: Run, x: int, char: str) -> None:
        for box in boxes(char) or ():
            x0, y0 = x + round(box.x * CELL), round(box.y * LINE)
            x1 = max(x + round((box.x + box.width) * CELL), x0 + 1)
            y1 = max(round((box.y + box.height) * LINE), y0 + 1)
            colour = _between(run.fg, run.bg, 1 - box.opacity)
            draw.rectangle((x0, y0, x1 - 1, y1 - 1), colour)


def _between(fg: str, bg: str, share: float) -> tuple[int, int, int]:
    """The colour so far (0..1) on the way from one to the other."""
    a, b = (tuple(int(colour[i : i + 2], 16) for i in (0, 2, 4)) for colour in (fg, bg))
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _fonts() -> dict[bool, ImageFont.FreeTypeFont]:
    """A monospace font, and the same in bold if there is one."""
    from PIL import ImageFont

    for name in (*FONTS, *_elsewhere()):
        try:
            plain = ImageFont.truetype(name, SIZE)
        except OSError:
            continue
        return {False: plain, True: _bold(name) or plain}
    raise RecordingError(
        "a GIF needs a monospace font: install DejaVu Sans Mono (Debian: fonts-dejavu-core), "
        "or pip install fontpkg-jetbrains-mono"
    )


def _bold(name: str) -> ImageFont.FreeTypeFont | None:
    """The same font in bold: a file beside it, or the file itself where it can be both."""
    from PIL import ImageFont

    stem, _, ending = name.rpartition(".")
    try:
        return ImageFont.truetype(f"{stem.removesuffix('-Regular')}-Bold.{ending}", SIZE)
    except OSError:
        pass
    try:
        font = ImageFont.truetype(name, SIZE)
        font.set_variation_by_axes([700])
    except (OSError, NotImplementedError):
        return None
    return font


def _elsewhere() -> Iterator[str]:
    """What a font package has, and what the system would take for `monospace`."""
    found = find_spec(PACKAGED)
    for place in (found.submodule_search_locations or ()) if found else ():
        files = sorted(Path(place).rglob("*.ttf"))
        yield from (str(file) for file in files if "Italic" not in file.name)
    if tool := shutil.which("fc-match"):
        command = [tool, "-f", "%{file}", "monospace"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        if answer.stdout.strip():
            yield answer.stdout.strip()

"""Pictures as SVG: a still, or a film strip that moves without a script.

Each different row is drawn once; a frame puts rows together. No font and nothing else is fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import groupby

from threadscope.recording.frames import BACKGROUND, Frame, Row, Run
from threadscope.recording.glyphs import boxes

CELL, LINE = 8, 16
"""Width and height of a cell, in the picture's units."""
BASE = 12
"""Where in a row the letters stand; a row is drawn from there."""
SIZE = 13.3
PAD, HEAD = 8, 26
"""Around the screen, and above it for the title."""
END_S = 3.0
"""How long the last picture stays before it begins again."""
FONTS = "ui-monospace,'SF Mono',Menlo,'DejaVu Sans Mono','Liberation Mono',Consolas,monospace"


def ground_of(frames: Sequence[Frame]) -> str:
    """The colour that most of the first and the last picture has behind its text."""
    counts = Counter[str]()
    for frame in (frames[0], frames[-1]):
        for row in frame.rows:
            for run in row:
                counts[run.bg] += run.width
    return counts.most_common(1)[0][0] if counts else BACKGROUND


class RowBook:
    """The different rows of a film, each with a number and drawn once.

    Args:
        ground: the colour that need not be drawn.
    """

    def __init__(self, ground: str) -> None:
        self._ground = ground
        self._numbers: dict[Row, int] = {}
        self._classes: dict[str, str] = {}

    def number(self, row: Row) -> int:
        """The row's number."""
        return self._numbers.setdefault(row, len(self._numbers))

    def seen(self, row: Row) -> bool:
        """Whether there is anything in it."""
        return any(run.text.strip() or run.bg != self._ground for run in row)

    def definitions(self) -> str:
        """All rows, as groups to be used."""
        numbers = self._numbers.items()
        groups = (f'<g id="r{number}">{self._draw(row)}</g>' for row, number in numbers)
        return f"<defs>{''.join(groups)}</defs>"

    def styles(self) -> str:
        """The colours, as classes; complete when `definitions` was called."""
        return "".join(f".{name}{{{rule}}}" for rule, name in self._classes.items())

    def _class(self, rule: str) -> str:
        return self._classes.setdefault(rule, f"c{len(self._classes)}")

    def _draw(self, row: Row) -> str:
        paths: dict[tuple[str, float], list[str]] = {}
        letters: list[str] = []
        for ground, runs in groupby(row, key=lambda run: run.bg):
            same = list(runs)
            if ground != self._ground:
                width = sum(run.width for run in same)
                rectangle = _rectangle(same[0].column * CELL, -BASE, width * CELL, LINE)
                paths.setdefault((ground, 1), []).append(rectangle)
        grounds = self._paths(paths)
        paths = {}
        for run in row:
            for drawn, chars in groupby(_cells(run), key=lambda cell: boxes(cell[1]) is not None):
                cells = list(chars)
                if drawn:
                    _add_shapes(paths, run.fg, cells)
                else:
                    letters.append(self._text(run, cells))
        return grounds + self._paths(paths) + "".join(letters)

    def _paths(self, paths: dict[tuple[str, float], list[str]]) -> str:
        out = []
        for (colour, opacity), parts in paths.items():
            rule = f"fill:#{colour}" + (f";opacity:{opacity}" if opacity < 1 else "")
            out.append(f'<path class="{self._class(rule)}" d="{"".join(parts)}"/>')
        return "".join(out)

    def _text(self, run: Run, cells: Sequence[tuple[int, str]]) -> str:
        """Words; the columns of each are kept, whatever font there is."""
        text = "".join(char for _, char in cells)
        stripped = text.strip(" ")
        if not stripped:
            return ""
        x = cells[len(text) - len(text.lstrip(" "))][0]
        rule = f"fill:#{run.fg}"
        rule += ";font-weight:bold" if run.bold else ""
        rule += ";font-style:italic" if run.italic else ""
        rule += ";text-decoration:underline" if run.underline else ""
        wide = len(stripped) > 1 and len(run.text) == run.width
        length = f' textLength="{len(stripped) * CELL}"' if wide else ""
        shown = escape(stripped, quote=False)
        return f'<text class="{self._class(rule)}" x="{x * CELL}"{length}>{shown}</text>'


def _add_shapes(
    paths: dict[tuple[str, float], list[str]], colour: str, cells: Sequence[tuple[int, str]]
) -> None:
    for char, same in groupby(cells, key=lambda cell: cell[1]):
        where = [x for x, _ in same]
        for box in boxes(char) or ():
            whole = box.x == 0 and box.width == 1  # next to each other: one
            width = len(where) if whole else box.width
            for x in where[:1] if whole else where:
                rectangle = _rectangle(
                    (x + box.x) * CELL, box.y * LINE - BASE, width * CELL, box.height * LINE
                )
                paths.setdefault((colour, box.opacity), []).append(rectangle)


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(height)}h{_n(-width)}z"


def _cells(run: Run) -> list[tuple[int, str]]:
    """Column and character; where some are wide, each stands for itself."""
    if len(run.text) == run.width:
        return [(run.column + i, char) for i, char in enumerate(run.text)]
    scale = run.width / max(len(run.text), 1)
    return [(run.column + int(i * scale), char) for i, char in enumerate(run.text)]


def _n(value: float) -> str:
    """`8.4`, `17`: no more digits than are seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def screen_size(frames: Sequence[Frame]) -> tuple[int, int]:
    """Columns and rows that hold all of them."""
    return max(f.columns for f in frames), max(len(f.rows) for f in frames)


def film(frames: Sequence[Frame], book: RowBook) -> str:
    """The frames side by side, from left to right, each as wide as the widest."""
    width = screen_size(frames)[0] * CELL
    out = []
    for i, frame in enumerate(frames):
        uses = "".join(
            f'<use href="#r{book.number(row)}" y="{y * LINE + BASE}"/>'
            for y, row in enumerate(frame.rows)
            if book.seen(row)
        )
        out.append(f'<g transform="translate({i * width})">{uses}</g>')
    return "".join(out)


def window(frames: Sequence[Frame], title: str, ground: str, style: str, inside: str) -> str:
    """The SVG document: a title, and below it the screen that shows what lies inside it."""
    columns, rows = screen_size(frames)
    width, height = columns * CELL, rows * LINE
    whole = width + 2 * PAD, height + HEAD + PAD
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole[0]} {whole[1]}" '
        f'width="{whole[0]}" height="{whole[1]}" role="img" aria-label="{escape(title)}">'
        f"<style>text{{font:{SIZE}px {FONTS};white-space:pre}}"
        f"path{{shape-rendering:crispEdges}}{style}</style>"
        f'<rect width="100%" height="100%" rx="6" fill="#{ground}"/>'
        f'<text x="50%" y="18" text-anchor="middle" fill="#9a9a9a">{escape(title)}</text>'
        f'<svg x="{PAD}" y="{HEAD}" width="{width}" height="{height}">{inside}</svg></svg>\n'
    )


def still(frame: Frame, title: str) -> str:
    """One picture."""
    ground = ground_of([frame])
    book = RowBook(ground)
    strip = film([frame], book)
    rows = book.definitions()
    return window([frame], title, ground, book.styles(), rows + strip)


def animated(frames: Sequence[Frame], title: str) -> str:
    """All pictures, one after the other, again and again.

    Who wants no motion sees the last one.
    """
    if len(frames) == 1:
        return still(frames[0], title)
    ground = ground_of(frames)
    book = RowBook(ground)
    strip, rows = film(frames, book), book.definitions()
    width = screen_size(frames)[0] * CELL
    length = frames[-1].t + END_S
    steps = "".join(
        f"{frame.t / length * 100:.3f}%{{transform:translateX({-i * width}px)}}"
        for i, frame in enumerate(frames)
    )
    last = f"transform:translateX({-(len(frames) - 1) * width}px)"
    motion = (
        f"@keyframes film{{{steps}100%{{{last}}}}}"
        f"#film{{animation:film {length:.2f}s steps(1,end) infinite}}"
        f"@media(prefers-reduced-motion:reduce){{#film{{animation:none;{last}}}}}"
    )
    style = book.styles() + motion
    return window(frames, title, ground, style, f'{rows}<g id="film">{strip}</g>')

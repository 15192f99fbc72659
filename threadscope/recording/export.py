"""What can be made of a file, by its kind: one place that knows all forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from threadscope.recording.blocks import MAGIC, refuse_other_than_files
from threadscope.recording.chrometrace import chrome_trace, table
from threadscope.recording.decode import SessionFile
from threadscope.recording.errors import RecordingError
from threadscope.recording.frames import Cast, Cut, Frame, frames
from threadscope.recording.gif import write_gif
from threadscope.recording.memory import check_memory
from threadscope.recording.page import page
from threadscope.recording.paths import write_whole
from threadscope.recording.slices import read_trace
from threadscope.recording.svg import animated

CAST_FORMS = ("svg", "html", "gif", "txt")
SESSION_FORMS = ("chrometrace", "csv")
MOST_FRAMES = 3000
"""A film of so many pictures is more than any browser shows with ease."""

Progress = Callable[[float], None]
"""Is told how much is done, 0..1."""


def export_cast(source: Path, to: Path, form: str, cut: Cut, progress: Progress) -> None:
    """Makes a picture, a page, a film or a text of a screencast.

    Args:
        source: the screencast.
        to: is overwritten.
        form: one of CAST_FORMS; `txt` is the last picture's text.
        cut: which part.
        progress: is called now and then.

    Raises:
        RecordingError: one of the files cannot be read or written, or is not fit for it.
    """
    cast = Cast(source)
    film = _watched(frames(cast, cut), cast.bytes, progress)
    if form == "txt":
        for frame in film:
            last = frame
        write_whole(to, last.text + "\n", links=True)
        return
    kept: list[Frame] = []
    for frame in film:
        check_memory(source)
        kept.append(frame)
        if len(kept) > MOST_FRAMES:
            raise RecordingError(
                f"more than {MOST_FRAMES:,} pictures: take a part with --from and --until, "
                "or fewer with --fps"
            )
    if form == "gif":
        write_gif(to, kept)
    else:
        write_whole(to, (animated if form == "svg" else page)(kept, cast.title), links=True)


def export_session(source: Path, to: Path, form: str, progress: Progress) -> str:
    """Makes a trace file or a table of a session.

    Args:
        source: the session.
        to: is overwritten.
        form: one of SESSION_FORMS.
        progress: is called now and then.

    Returns:
        Why the session ends early, "" if it does not.

    Raises:
        RecordingError: one of the files cannot be read or written.
    """
    trace = read_trace(SessionFile(source), progress)
    write_whole(to, (chrome_trace if form == "chrometrace" else table)(trace), links=True)
    return trace.trouble


def is_session(path: Path) -> bool:
    """Whether a file is a session, by its first bytes.

    Raises:
        RecordingError: it cannot be read.
    """
    try:
        refuse_other_than_files(path)
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from error


def _watched(film: Iterator[tuple[Frame, int]], size: int, progress: Progress) -> Iterator[Frame]:
    for frame, read in film:
        progress(read / max(size, 1))
        yield frame

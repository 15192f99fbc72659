"""What takes pictures of the screen and records it, for the keys and for the command line."""

from __future__ import annotations

import time
from pathlib import Path

from threadscope.recording.cast import CastWriter
from threadscope.recording.errors import RecordingError
from threadscope.recording.paths import write_whole


class Camera:
    """Records screencasts, one at a time, and takes pictures.

    Args:
        title: of what is seen.
        version: of the screencasts.
    """

    def __init__(self, title: str = "threadscope", version: int = 2) -> None:
        self._title, self._version = title, version
        self._cast: CastWriter | None = None

    @property
    def rolling(self) -> bool:
        """Whether it records."""
        return self._cast is not None

    @property
    def trouble(self) -> str:
        """Why the present screencast is not written any more; "" while it is."""
        return self._cast.trouble if self._cast else ""

    def open(self, path: Path, width: int, height: int) -> None:
        """Begins a screencast.

        Args:
            path: of the file.
            width: columns of the screen.
            height: rows.

        Raises:
            RecordingError: it cannot be written.
        """
        self._cast = CastWriter(path, width, height, version=self._version, title=self._title)

    def start(self, width: int, height: int) -> str:
        """Begins a screencast with a name of its own, in the present folder; what came of it."""
        path = Path(time.strftime("threadscope-%Y%m%d-%H%M%S.cast"))
        try:
            self.open(path, width, height)
        except RecordingError as error:
            return str(error)
        return f"recording {path}"

    def stop(self) -> str:
        """Ends the screencast; what came of it."""
        cast, self._cast = self._cast, None
        if cast is None:
            return ""
        cast.close()
        return cast.trouble or f"recorded {cast.path}"

    def output(self, data: str, width: int, height: int) -> None:
        """What the screen of this size was sent."""
        if self._cast is not None:
            self._cast.resize(width, height)
            self._cast.output(data)

    def marker(self, label: str) -> None:
        """A place to jump to."""
        if self._cast is not None:
            self._cast.marker(label)

    def picture(self, screen: str, width: int, height: int) -> str:
        """Writes a picture with a name of its own into the present folder; what came of it.

        Args:
            screen: what draws the whole screen on a terminal.
            width: columns.
            height: rows.
        """
        path = Path(time.strftime("threadscope-%Y%m%d-%H%M%S.svg"))
        try:
            write_picture(path, screen, width, height, self._title)
        except RecordingError as error:
            return str(error)
        return f"wrote {path}"


def write_picture(path: Path, screen: str, width: int, height: int, title: str) -> None:
    """A picture of one screen as SVG.

    Raises:
        RecordingError: it cannot be written.
    """
    from threadscope.recording.frames import frame_of
    from threadscope.recording.svg import still

    write_whole(path, still(frame_of(screen, width, height), title))

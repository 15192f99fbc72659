"""What is to be kept of an observation: the session, the screen's film, its last picture."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from threadscope.recording.camera import Camera, write_picture
from threadscope.recording.encode import Encoder
from threadscope.recording.errors import RecordingError
from threadscope.recording.paths import check_writable

SIZE = (120, 36)
"""Columns and rows of the screen where there is no terminal."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The files that were asked for."""

    title: str = "threadscope"
    """Stands above pictures: the command."""
    save: Path | None = None
    record: Path | None = None
    cast_version: int = 2
    screenshot: Path | None = None
    size: tuple[int, int] | None = None
    """Of a screen without a terminal; None: there is a terminal."""

    @property
    def filmed(self) -> bool:
        """Whether something of the screen is to be kept."""
        return self.record is not None or self.screenshot is not None

    def encoder(self) -> Encoder | None:
        """What saves the session.

        Raises:
            RecordingError: the file cannot be written.
        """
        return Encoder(self.save) if self.save else None

    def camera(self) -> Camera:
        """What films the screen; it rolls if a screencast was asked for.

        Raises:
            RecordingError: a file cannot be written.
        """
        camera = Camera(self.title, self.cast_version)
        if self.screenshot is not None:
            check_writable(self.screenshot)
        if self.record is not None:
            camera.open(self.record, *(self.size or os.get_terminal_size()))
        return camera

    def finish(self, camera: Camera, last_screen: str) -> str:
        """Ends the film and takes the last picture.

        Args:
            camera: the one of before.
            last_screen: what draws the last picture, "" if there was none.

        Returns:
            What went wrong, "" if nothing did.
        """
        troubles = [camera.trouble]
        camera.stop()
        if self.screenshot is not None and last_screen:
            try:
                size = self.size or os.get_terminal_size()
                write_picture(self.screenshot, last_screen, *size, self.title)
            except RecordingError as error:
                troubles.append(str(error))
        return "; ".join(filter(None, troubles))

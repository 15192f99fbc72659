"""Keys that keep what is seen: screencasts and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from threadscope.tui.casting import whole_screen

if TYPE_CHECKING:
    from textual.app import App

    from threadscope.model.snapshot import Snapshot, Variant
    from threadscope.tui.screen import MainScreen
    from threadscope.tui.source import Camera

    Base = App[None]
else:
    Base = object


class RecordingActions(Base):
    """The part of the app that holds the camera."""

    if TYPE_CHECKING:
        main: MainScreen
        shown: Snapshot | None

    camera: Camera | None
    last_screen = ""
    """What draws the last picture, known when the app has ended."""
    _marked: Variant | None = None
    _told = ""

    def watch_camera(self, snapshot: Snapshot) -> None:
        """Mark in the screencast what is shown from here on; say it when no more is written."""
        camera, variant = self.camera, snapshot.phase.variant
        if camera is None:
            return
        if variant.title and variant != self._marked:
            camera.marker(variant.title)
            self._marked = variant
        if camera.trouble != self._told:
            self._told = camera.trouble
            self._say(self._told)

    def action_record(self) -> None:
        """Begin a screencast with the screen as it is, or end it."""
        camera = self.camera
        if camera is None:
            return
        if camera.rolling:
            self._say(camera.stop())
            return
        self._say(camera.start(*self.size))
        camera.output(whole_screen(self), *self.size)
        self._marked = None

    def action_picture(self) -> None:
        """Take a picture."""
        if self.camera is not None:
            self._say(self.camera.picture(whole_screen(self), *self.size))

    def _say(self, text: str) -> None:
        if text:
            self.main.keys.say(text)

    def exit(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  # as Textual has it
        """End; the last picture is kept."""
        if self.camera is not None and self.shown is not None and self.is_running:
            self.last_screen = whole_screen(self)
        super().exit(*args, **named)

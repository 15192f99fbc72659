"""What a camera sees of the real screen, replayed through a terminal emulator."""

from __future__ import annotations

import asyncio
import json

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from tests import factories as f
from tests.factories import S
from threadscope.recording.camera import Camera
from threadscope.recording.frames import Cast, Cut, frame_of, frames
from threadscope.tui.app import ThreadscopeApp
from threadscope.tui.casting import HOUSEKEEPING, casting, whole_screen


class Shelf:
    def __init__(self, snapshot) -> None:
        self.snapshot = snapshot

    def latest(self):
        return self.snapshot


def screen_of(app) -> list[str]:
    """What the app's own screen says, line by line."""
    lines = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


async def settle(pilot) -> None:
    """Until Textual has drawn what it was told."""
    for _ in range(3):
        await pilot.pause()


def film(camera, steps, size=(120, 36)) -> list[str]:
    """Runs the app without a terminal; the lines of its last screen."""

    shelf, last = Shelf(f.cpu_async(24 * S)), []
    app = ThreadscopeApp(shelf, None, fps=0.001, camera=camera, terminal=False)

    async def drive(pilot) -> None:
        await settle(pilot)
        await steps(app, shelf, pilot)
        await settle(pilot)
        last.extend(screen_of(app))
        app.exit()

    asyncio.run(app.run_async(size=size, auto_pilot=drive))
    return last


async def two_more(app, shelf, pilot) -> None:
    for t, state in ((25, f.cpu_async), (26, f.cpu_def)):
        shelf.snapshot = state(t * S)
        app.tick()
        await settle(pilot)


async def shrink(app, shelf, pilot) -> None:
    from textual.events import Resize
    from textual.geometry import Size

    await two_more(app, shelf, pilot)
    app._driver._size = (100, 30)
    app.post_message(Resize(Size(100, 30), Size(100, 30)))
    await settle(pilot)


def last_frame(path) -> list[str]:
    *_, (frame, _) = frames(Cast(path), Cut())
    return frame.text.split("\n")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("steps", [two_more, shrink])
def test_a_cast_ends_on_the_screen_that_the_app_had(tmp_path, version, steps):
    camera = Camera("t", version)
    camera.open(tmp_path / "x.cast", 120, 36)
    last = film(camera, steps)
    camera.stop()
    assert len(last) == (36 if steps is two_more else 30)
    assert any("CONCURRENT" in line for line in last)
    assert last_frame(tmp_path / "x.cast") == last


def test_a_cast_that_begins_in_the_middle_has_the_whole_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    camera = Camera("t")

    async def steps(app, shelf, pilot) -> None:
        await two_more(app, shelf, pilot)
        app.action_record()
        await settle(pilot)
        app.main.keys.say("")
        shelf.snapshot = f.cpu_def(27 * S)
        app.tick()

    last = film(camera, steps)
    assert camera.rolling
    assert "r stop recording" in last[-1]
    camera.stop()
    [path] = tmp_path.glob("*.cast")
    assert last_frame(path) == last


def test_a_picture_is_the_screen_in_true_colours(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM", raising=False)
    drawn = []

    async def steps(app, shelf, pilot) -> None:
        drawn.append(whole_screen(app))
        assert frame_of(drawn[0], 120, 36).text.split("\n") == screen_of(app)

    film(Camera("t"), steps)
    assert "38;2;" in drawn[0]


def test_the_last_screen_is_kept_for_a_picture():
    kept = []

    async def steps(app, shelf, pilot) -> None:
        kept.append(app)

    last = film(Camera("t"), steps)
    assert frame_of(kept[0].last_screen, 120, 36).text.split("\n") == last


def test_each_variant_is_a_marker(tmp_path):
    camera = Camera("t")
    camera.open(tmp_path / "x.cast", 120, 36)
    film(camera, two_more)
    camera.stop()
    events = [json.loads(line) for line in (tmp_path / "x.cast").read_text().splitlines()[1:]]
    marks = [data for _, code, data in events if code == "m"]
    assert marks == [f.ASYNC.title, f.DEF.title]


def test_a_film_that_ends_is_said_on_the_screen():
    class Broken(Camera):
        trouble = ""

    camera = Broken("t")

    async def steps(app, shelf, pilot) -> None:
        camera.trouble = "x.cast ends here: No space left on device"
        await two_more(app, shelf, pilot)
        await settle(pilot)
        assert any("No space left" in line for line in screen_of(app))

    film(camera, steps)


def test_without_a_camera_the_keys_are_not_offered():
    async def steps(app, shelf, pilot) -> None:
        assert not app._possible("record")
        app.action_record()
        app.action_picture()

    film(None, steps)


# -- what is not in a film ---------------------------------------------------------------------
class Pages:
    """A camera that keeps all that it is shown."""

    rolling, trouble = True, ""

    def __init__(self) -> None:
        self.seen = []

    def output(self, data, width, height) -> None:
        self.seen.append(data)


class Stub:
    size = (80, 24)


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ("\x1b[?1049hA", "A"),
        ("\x1b[?1000;h\x1b[1mA", "\x1b[?1000;h\x1b[1mA"),
        ("\x1b[?2026hA\x1b[?2026l", "A"),
        ("\x1b]52;c;c2VjcmV0\x07A", "A"),
        ("\x1b]52;c;c2VjcmV0\x1b\\A", "A"),
        ("\x1b]22;pointer\x07A", "A"),
        ("\x1b[>1uA\x1b[<u", "A"),
        ("\x1b[?2048$pA", "A"),
        ("\x1b]8;;http://x\x07A\x07", "\x1b]8;;http://x\x07A\x07"),
        ("\x1b[2J\x1b[H\x1b[?25l", "\x1b[2J\x1b[H\x1b[?25l"),
    ],
)
def test_housekeeping_is_left_out(data, left):
    assert HOUSEKEEPING.sub("", data) == left


def test_a_film_begins_after_the_terminal_was_prepared_and_ends_before_it_is_put_back():
    class Base(HeadlessDriver):
        def __init__(self) -> None:
            self._app, self.written = Stub(), []

        def start_application_mode(self) -> None:
            self.write("\x1b[?1049h")

        def stop_application_mode(self) -> None:
            self.write("\x1b[?1049l\x1b[2J")

        def write(self, data) -> None:
            self.written.append(data)

    pages = Pages()
    driver = casting(Base, lambda app: pages)()
    driver.start_application_mode()
    driver.write("hello")
    driver.write("\x1b[?2026h")
    driver.stop_application_mode()
    assert pages.seen == ["hello"]
    assert driver.written == ["\x1b[?1049h", "hello", "\x1b[?2026h", "\x1b[?1049l\x1b[2J"]
    assert not driver.is_headless

"""The application: pulls snapshots, keeps a minute of them, and turns keys into actions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver

from threadscope.model.history import History
from threadscope.model.snapshot import Snapshot, Variant
from threadscope.report.compare import last_of_each
from threadscope.tui import keys
from threadscope.tui.casting import casting
from threadscope.tui.modals import (
    Overlay,
    card_overlay,
    finding_overlay,
    help_overlay,
    route_overlay,
)
from threadscope.tui.palette import THEME
from threadscope.tui.pulse import Pulse
from threadscope.tui.recording import RecordingActions
from threadscope.tui.routes import RoutesPanel
from threadscope.tui.screen import MainScreen
from threadscope.tui.scrubbing import ScrubbingActions
from threadscope.tui.source import Camera, Controls, Player, Source
from threadscope.tui.threads import ThreadsPanel

SPLIT_S = 4.0
"""So long a screencast shows the split picture before the card lies over it."""


class ThreadscopeApp(ScrubbingActions, RecordingActions, App[None]):
    """The screen over a source of snapshots.

    Args:
        source: is asked for the newest snapshot, `fps` times a second.
        controls: what the keys steer; None where nothing can be steered.
        fps: pictures a second.
        explain: what a lint means, by its name; None: nobody can tell.
        player: the source, where it is a saved session.
        camera: takes pictures and screencasts; None where nothing can be kept.
        terminal: False: there is none, only the camera sees the screen.
        rest: is called between two pictures, when there is time for what can wait.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings()]
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False

    def __init__(
        self,
        source: Source,
        controls: Controls | None,
        *,
        fps: float = 4,
        explain: Callable[[str], str] | None = None,
        player: Player | None = None,
        camera: Camera | None = None,
        terminal: bool = True,
        rest: Callable[[], None] = lambda: None,
    ) -> None:
        self.camera = camera
        self._terminal = terminal
        super().__init__()
        self.animation_level = "none"
        self.register_theme(THEME)
        self.theme = THEME.name
        self.player = player
        self.history = player.history if player else History()
        """The last minute, or a whole saved session."""
        self.shown: Snapshot | None = None
        """What the screen shows."""
        self.main = MainScreen()
        """The panels."""
        self._source = source
        self._pulled: Snapshot | None = None
        self._controls = controls
        self._period, self._pulse, self._rest = 1 / fps, Pulse(1 / fps), rest
        self._explain = explain
        self._paused = False
        self._touring = False

    def get_driver_class(self) -> type[Driver]:
        """The terminal's driver, or one without a terminal; the camera looks on."""
        base = super().get_driver_class() if self._terminal else HeadlessDriver
        return casting(base, lambda app: self.camera)

    def on_mount(self) -> None:
        """Begin to pull."""
        self.push_screen(self.main)
        self._update_keys()
        self.call_after_refresh(self.tick)
        self._look()

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants that can be asked for."""
        return self._controls.variants if self._controls else ()

    def _look(self) -> None:
        """Look for a picture; without a timer of Textual's, which is a task each time."""
        if not self.is_running:
            return
        loop = asyncio.get_running_loop()
        new = self._source.latest() is not self._pulled
        if new:
            self.call_later(self.tick)
            loop.call_later(self._period / 2, self._between)
        loop.call_later(self._pulse.looked(loop.time(), new), self._look)

    def _between(self) -> None:
        """Between two pictures: what can wait, and what would keep the next one waiting."""
        if self.is_running:
            self.main.prepare()
            self._rest()

    def tick(self) -> bool:
        """Pull the newest snapshot and show it; whether there was a new one."""
        snapshot = self._source.latest()
        if snapshot is None or snapshot is self._pulled:
            return False
        self._pulled = snapshot
        if self.player is None:
            self.history.add(snapshot)
        if self._paused:
            self._draw()
        else:
            self._show(snapshot)
        self._update_keys()
        self._watch_tour(snapshot)
        self.watch_camera(snapshot)
        return True

    def _show(self, snapshot: Snapshot) -> None:
        self.shown = snapshot
        self._draw()

    def _draw(self) -> None:
        latest = self.history.latest
        if self.shown is not None and latest is not None:
            behind = latest.at - self.shown.at if self._paused else None
            self.main.status.position = self.position
            self.main.show(self.shown, behind, self.history.before(self.shown))

    def _watch_tour(self, snapshot: Snapshot) -> None:
        """A tour that just ended leaves the split picture and a card, if it saw two variants."""
        ended = self._touring and not snapshot.phase.tour
        self._touring = snapshot.phase.tour
        summaries = last_of_each(snapshot.finished)
        if ended and len({one.variant.key for one in summaries}) > 1:
            self.main.show_view("split")
            if self._terminal:
                self.push_screen(card_overlay(summaries))
            else:  # nobody can close the card: the split picture is shown before it
                self.set_timer(SPLIT_S, lambda: self.push_screen(card_overlay(summaries)))

    def _update_keys(self) -> None:
        filming = self.camera is not None and self.camera.rolling
        possible = [
            key._replace(short="stop recording") if key.action == "record" and filming else key
            for key in keys.KEYS
            if self._possible(key.action)
        ]
        self.main.show_keys(possible, self._paused)

    @property
    def _unsteered(self) -> str:
        """Why the load cannot be steered; "" when it can."""
        if self._controls is None:
            return "there is no load to steer here"
        broken = self._controls.broken
        return f"{broken}: nothing to steer any more" if broken else ""

    def _possible(self, action: str) -> bool:
        if action in keys.REPLAYING and self.player is None:
            return False
        if action in keys.FILMING and self.camera is None:
            return False
        return not self._hindrance(action)

    def _hindrance(self, action: str) -> str:
        """Why a key can steer nothing now; "" when it can, or steers nothing anyway."""
        if action in keys.STEERING and self._unsteered:
            return self._unsteered
        latest = self.history.latest
        bursts = latest is not None and latest.phase.burst is not None
        return keys.hindrance(action, self.variants, bursts=bursts)

    def _steered(self, action: str) -> Controls | None:
        """What a key steers; None where it can steer nothing, and then the footer says why."""
        if why := self._hindrance(action):
            self.main.keys.say(why)
            return None
        return self._controls

    # -- keys ----------------------------------------------------------------------------------

    def action_help(self) -> None:
        """List the keys."""
        if not isinstance(self.screen, Overlay):
            here = [key for key in keys.KEYS if self._possible(key.action)]
            absent: dict[str, list[keys.Key]] = {}
            for key in keys.KEYS:
                if why := self._hindrance(key.action):
                    absent.setdefault(why, []).append(key)
            self.push_screen(help_overlay(here, absent))

    def action_next_variant(self) -> None:
        """The variant after the present one."""
        if controls := self._steered("next_variant"):
            known = [variant.key for variant in controls.variants]
            latest = self.history.latest
            now = latest.phase.variant.key if latest else ""
            index = known.index(now) + 1 if now in known else 0
            controls.show_variant(known[index % len(known)])

    def action_variant(self, key: str) -> None:
        """A variant by its name."""
        if controls := self._steered(f"variant('{key}')"):
            controls.show_variant(key)

    def action_tour(self) -> None:
        """Measure one variant after the other."""
        if controls := self._steered("tour"):
            controls.tour()

    def action_clients(self, by: int) -> None:
        """More clients, or fewer."""
        if controls := self._steered(f"clients({by})"):
            controls.change_clients(by)

    def action_rate(self, up: bool) -> None:
        """Requests on a schedule: more a second, or fewer."""
        if controls := self._steered(f"rate({up})"):
            controls.change_rate(up)

    def action_load(self) -> None:
        """The load off, and on again."""
        if controls := self._steered("load"):
            controls.toggle_load()

    def action_sort(self) -> None:
        """Sort the threads, or the routes, by the next column."""
        self._sorted.next_sort()

    def action_reverse(self) -> None:
        """Turn their order around."""
        self._sorted.reverse()

    @property
    def _sorted(self) -> ThreadsPanel | RoutesPanel:
        return self.main.routes if self.main.view == "routes" else self.main.threads

    def action_choose(self, by: int) -> None:
        """Another finding, or in view 2 another route."""
        if self.shown is None:
            return
        if self.main.view == "routes":
            self.main.routes.choose(self.shown, by)
        else:
            self.main.findings.choose(self.shown, by)

    def action_open(self) -> None:
        """What the chosen finding means, or in view 2 the chosen route's slow requests."""
        if self.shown is None or isinstance(self.screen, Overlay):
            return
        if self.main.view == "routes":
            route = self.main.routes.chosen(self.shown)
            if route is not None:
                self.push_screen(route_overlay(route, self.shown.at))
            return
        finding = self.main.findings.chosen(self.shown)
        if finding is not None and self._explain is not None:
            text = self._explain(finding.lint)
            self.push_screen(finding_overlay(finding, text, self.size.width))

    def action_idle(self) -> None:
        """Hide idle threads, or show them."""
        self.main.threads.toggle_idle()
        self._draw()

    def action_zoom(self, by: int) -> None:
        """Show more time on the lanes, or less."""
        self.main.zoom(by)

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.main.ask_filter()

    def action_clear_filter(self) -> None:
        """Show all requests."""
        self.main.filter.value = ""
        self.main.end_filter()

    def action_split(self) -> None:
        """The variant before above the present one, or the overview again."""
        self.main.show_view("overview" if self.main.view == "split" else "split")

    def action_view(self, view: str) -> None:
        """Another view."""
        self.main.show_view(view)

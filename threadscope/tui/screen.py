"""The main screen: which panels there are, how high each is, and which of them is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Input, Static

from threadscope.model.snapshot import Snapshot
from threadscope.tui.charts import ChartsPanel
from threadscope.tui.findings import FindingsPanel
from threadscope.tui.footer import KeyBar
from threadscope.tui.keys import Key
from threadscope.tui.lanes import LanesPanel, lanes_of, queues_of
from threadscope.tui.notices import NoticesPanel, notice_lines
from threadscope.tui.output import OutputView
from threadscope.tui.panel import Panel
from threadscope.tui.places import Places
from threadscope.tui.processes import headings
from threadscope.tui.requests import RequestsPanel
from threadscope.tui.routes import RoutesPanel
from threadscope.tui.sharing import MIN_HEIGHT, MIN_WIDTH, notice_room, share
from threadscope.tui.split import SplitPanel
from threadscope.tui.status import StatusBar
from threadscope.tui.threads import ThreadsPanel, rows_of
from threadscope.tui.verdict import VerdictPanel

TOO_SMALL = f"This terminal is too small: {MIN_WIDTH} x {MIN_HEIGHT} is the least."


class FilterInput(Input):
    """Where the filter is typed; enter keeps it, escape clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.clear_filter", show=False)]


class MainScreen(Screen[None]):
    """All panels, and what shares the room among them."""

    CSS_PATH = "screen.tcss"
    BLANK = True
    """Between the panels is nothing: Textual need not look for it in each picture."""

    def __init__(self) -> None:
        super().__init__()
        self.status = StatusBar(id="status")
        self.notices = NoticesPanel(id="notices")
        self._places = Places()
        self.threads = ThreadsPanel(self._places, id="threads")
        self.lanes = LanesPanel(self._places, id="lanes")
        self.requests = RequestsPanel(id="requests")
        self.output = OutputView(id="output")
        self.charts = ChartsPanel(id="charts")
        self.routes = RoutesPanel(id="routes")
        self.findings = FindingsPanel(id="findings")
        self.split = SplitPanel(id="split")
        self.verdict = VerdictPanel(id="verdict")
        self.keys = KeyBar(id="keys")
        self.filter = FilterInput(placeholder="filter the requests", id="filter", compact=True)
        self.overview = (self.threads, self.lanes, self.requests)
        """The panels of view 1."""
        self._panels: tuple[Panel, ...] = (
            self.status, self.notices, *self.overview, self.charts, self.routes, self.split,
            self.verdict, self.findings,
        )  # fmt: skip
        self.views: dict[str, Panel | OutputView] = {
            "output": self.output,
            "charts": self.charts,
            "routes": self.routes,
            "split": self.split,
        }
        """What is shown in place of the overview, by the view's name."""
        self.view = "overview"
        self._snapshot: Snapshot | None = None
        self._shape: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(TOO_SMALL, id="small")
        yield self.status
        yield self.notices
        yield from self.overview
        for panel in self.views.values():
            yield panel.add_class("view")
        yield self.verdict
        yield self.findings
        yield self.keys
        yield self.filter

    def on_mount(self) -> None:
        """Begin with the overview."""
        self.filter.display = False
        self.show_view("overview")

    def on_resize(self, event: Resize) -> None:
        """Another size: another share for each."""
        small = event.size.width < MIN_WIDTH or event.size.height < MIN_HEIGHT
        self.set_class(small, "small")
        self._share()

    def show(
        self, snapshot: Snapshot, behind_ns: int | None, before: Snapshot | None = None
    ) -> None:
        """Show a snapshot.

        Args:
            snapshot: what to show.
            behind_ns: how far back it lies while paused, None when live.
            before: the last picture of the variant before.
        """
        self._snapshot, self.split.before = snapshot, before
        self.status.behind_ns = behind_ns
        self.output.show(snapshot)
        resized = self._share()
        for panel in self._panels:
            if resized:  # drawn once: when the layout is done
                panel.snapshot = snapshot
            else:
                panel.show(snapshot)
        if resized:
            self.call_after_refresh(self._catch_up)

    def _catch_up(self) -> None:
        for panel in self._panels:
            panel.catch_up()

    def prepare(self) -> None:
        """Do what the next picture needs and can be done before it."""
        if self._snapshot is not None and self.view == "overview":
            self._places.settle(self._snapshot)

    def show_view(self, view: str) -> None:
        """Show the `overview`, or one of `views`."""
        self.view = view
        for panel in self.overview:
            panel.display = view == "overview"
        for name, one in self.views.items():
            one.display = name == view
        self.findings.choosing = view != "routes"
        if view == "output":
            self.output.focus()
        if self._snapshot is not None:
            self.call_after_refresh(self._show_again)

    def _show_again(self) -> None:
        if self._snapshot is not None:
            self.show(self._snapshot, self.status.behind_ns, self.split.before)

    def zoom(self, by: int) -> None:
        """Show more time on the lanes (above 0) or less."""
        self.lanes.zoom(by)
        self.split.seconds = self.lanes.seconds
        self.split.redraw()

    def show_keys(self, keys: Sequence[Key], paused: bool) -> None:
        """Show other keys in the footer."""
        self.keys.show_keys(keys, paused)

    def ask_filter(self) -> None:
        """Let a filter be typed."""
        self.keys.display = False
        self.filter.display = True
        self.filter.focus()

    def end_filter(self) -> None:
        """Back to the keys."""
        self.filter.display = False
        self.keys.display = True
        self.set_focus(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        """The log and the routes follow each letter."""
        self.requests.filter = self.routes.filter = event.value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: the filter stays."""
        self.end_filter()

    def _share(self) -> bool:
        """Give each panel its height; whether any of them is another one than before."""
        snapshot = self._snapshot
        if snapshot is None or self.has_class("small"):
            return False
        notices = len(notice_lines(snapshot, notice_room(self.size.height), self.size.width))
        threads = len(rows_of(snapshot, self.threads.hide_idle))
        self.findings.screen_height = self.size.height
        findings = len(self.findings.lines(snapshot, self.size.width))
        lanes, heads = len(lanes_of(snapshot)), len(headings(snapshot))
        queues = queues_of(snapshot)
        heights = share(self.size.height, notices, threads, lanes, queues, heads, findings)
        shape = (self.size, notices, findings, heights)
        if shape == self._shape:
            return False
        self._shape = shape
        self.notices.styles.height = notices
        self.notices.display = notices > 0
        for panel in (self.threads, self.lanes, self.requests, self.verdict):
            panel.gap = heights.gap
        self.lanes.tall = heights.tall
        self.threads.styles.height = heights.threads
        self.lanes.styles.height = heights.lanes
        self.verdict.styles.height = heights.verdict
        self.findings.styles.height = findings
        self.findings.display = findings > 0
        return True

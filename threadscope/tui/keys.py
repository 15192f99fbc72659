"""The keys: one list, from which the footer, the help and the bindings themselves are made."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from textual.binding import Binding

from threadscope.model.snapshot import Variant


class Key(NamedTuple):
    """A key, what it does, and how long it stays in the footer when there is little room."""

    keys: str
    """As Textual names them, with commas between."""
    display: str
    action: str
    short: str
    """A word for the footer; "" keeps it out of there."""
    help: str
    """"" where another key's line speaks for it too."""
    rank: int = 5
    pair: str = ""
    """Shown in place of `display`, for a key and its opposite."""
    when_paused: bool = False
    """In the footer only while paused."""


KEYS = (
    Key("m", "m", "next_variant", "next", "next variant of the demo", 3),
    Key("a", "a", "variant('async')", "async", "the `async def` variant", 1),
    Key("d", "d", "variant('def')", "def", "the `def` variant", 1),
    Key("t", "t", "tour", "tour", "tour: measure one variant after the other", 2),
    Key(
        "left_square_bracket", "[", "clients(-1)", "clients", "one client less, one more", 3, "[ ]"
    ),
    Key("right_square_bracket", "]", "clients(1)", "", ""),
    Key(
        "left_curly_bracket",
        "{",
        "rate(False)",
        "rate",
        "requests on a schedule: fewer a second, more",
        5,
        "{ }",
    ),
    Key("right_curly_bracket", "}", "rate(True)", "", ""),
    Key("l", "l", "load", "load", "load off, and on again", 4),
    Key("space", "space", "pause", "pause", "pause the picture; collecting goes on", 2),
    Key(
        "left",
        "←",
        "step(-1)",
        "step",
        "while paused: back and forth, at most 60 s",
        1,
        "← →",
        True,
    ),
    Key("right", "→", "step(1)", "", ""),
    Key(
        "n",
        "n",
        "change(1)",
        "change",
        "while paused: to the next change of behaviour or finding, or back",
        3,
        "n N",
        True,
    ),
    Key("N", "N", "change(-1)", "", ""),
    Key(
        "less_than_sign",
        "<",
        "speed(-1)",
        "speed",
        "replay slower, faster: 0.1 to 16 times",
        2,
        "< >",
    ),
    Key("greater_than_sign", ">", "speed(1)", "", ""),
    Key("g", "g", "go_to", "go to", "replay from another time", 3),
    Key("s", "s", "sort", "sort", "sort the threads, or the routes, by the next column", 6),
    Key("S", "S", "reverse", "", "turn their order around"),
    Key("H", "H", "idle", "", "hide idle threads"),
    Key("z", "z", "zoom(-1)", "zoom", "zoom the lanes in and out, 1.5 to 60 s", 6, "z Z"),
    Key("Z", "Z", "zoom(1)", "", ""),
    Key("slash", "/", "filter", "filter", "filter requests and routes; esc clears", 6),
    Key("escape", "esc", "clear_filter", "", ""),
    Key("v", "v", "split", "split", "the variant before, frozen, above the present one", 3),
    Key("1", "1", "view('overview')", "", "the overview"),
    Key("2", "2", "view('routes')", "routes", "the routes: what each does to loop and threads", 6),
    Key("up", "↑", "choose(-1)", "", "choose a finding, or a route", 6, "↑ ↓"),
    Key("down", "↓", "choose(1)", "", ""),
    Key("enter", "enter", "open", "explain", "what the finding means; a route's slow requests", 6),
    Key("4", "4", "view('output')", "output", "what the server printed", 6),
    Key("5", "5", "view('charts')", "charts", "rate and latency of the last minute", 6),
    Key("r", "r", "record", "record", "record a screencast, and end it", 5),
    Key("p", "p", "picture", "picture", "take a picture of the screen, as SVG", 7),
    Key("q", "q", "quit", "quit", "quit; Ctrl-C too, at any time", 0),
    Key("ctrl+c", "^C", "quit", "", ""),
    Key("ctrl+z", "^Z", "suspend_process", "", "stop in the background, until `fg`"),
    Key("question_mark", "?", "help", "help", "this list", 0),
)

STEERING = frozenset(
    (
        "next_variant",
        "variant('async')",
        "variant('def')",
        "tour",
        "clients(-1)",
        "clients(1)",
        "rate(False)",
        "rate(True)",
        "load",
    )
)
"""Actions that need a load to steer."""
CLIENTS = frozenset(("clients(-1)", "clients(1)", "rate(False)", "rate(True)"))
"""Actions that change how many ask, or how often."""
ALONE = "this server has no variants to choose from"
BURSTS = "the load comes in bursts: their sizes are what is tried, and cannot be changed"

REPLAYING = frozenset(("speed(-1)", "speed(1)", "go_to"))
"""Actions that need a saved session."""
FILMING = frozenset(("record", "picture"))
"""Actions that need a camera."""


def bindings() -> list[Binding]:
    """The keys for Textual."""
    return [
        Binding(
            key.keys,
            key.action,
            key.help,
            key_display=key.display,
            priority=key.keys.startswith("ctrl+"),
        )
        for key in KEYS
    ]


def hindrance(action: str, variants: Collection[Variant], *, bursts: bool) -> str:
    """Why a key has nothing to do where there is a load; "" when it has.

    Args:
        action: of the key.
        variants: those that can be asked for; an app of your own has none.
        bursts: the load comes in bursts.
    """
    if action not in STEERING:
        return ""
    known = {variant.key for variant in variants}
    if action.startswith("variant(") and (wanted := action[9:-2]) not in known:
        return f"there is no `{wanted}` among its variants: m goes through them" if known else ALONE
    if action in ("next_variant", "tour") and len(known) < 2:
        return ALONE
    return BURSTS if bursts and action in CLIENTS else ""

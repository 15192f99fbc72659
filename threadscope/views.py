"""How an observation can be shown, and how it is, with this terminal."""

from __future__ import annotations

import os
import sys
from enum import Enum

import click


class View(Enum):
    """How an observation is shown."""

    SCREEN = "screen"
    TEXT = "text"
    JSON = "json"


def view_of(*, as_json: bool, no_tui: bool, terminal: bool = True) -> View:
    """The view that was asked for, or the one that the terminal can show.

    Args:
        as_json: a report for programs is wanted.
        no_tui: plain lines are wanted.
        terminal: the screen needs one; where it is only filmed, it does not.
    """
    if not terminal:
        return View.SCREEN
    if as_json:
        return View.JSON
    if no_tui or not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return View.TEXT
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        click.echo(
            "This terminal (TERM=dumb) cannot show the screen: plain lines instead.", err=True
        )
        return View.TEXT
    return View.SCREEN

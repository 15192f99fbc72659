"""The load on one's own server: what is asked for, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from threadscope.load.plan import LoadPlan
from threadscope.model.redact import shown_url
from threadscope.model.snapshot import Variant
from threadscope.model.units import first_of
from threadscope.options import load_plan
from threadscope.phases import Way

CLIENTS = 4
_SOMEWHERE = "http://127.0.0.1:1"
"""Stands for the server until it is known where it listens."""
_OF_A_LOAD = ("concurrency", "requests", "rate", "burst", "data", "data_file", "headers")


def check(options: Mapping[str, Any]) -> None:
    """Looks whether the options of a load make one, before a server is started for it.

    Raises:
        click.UsageError: they do not; one line.
    """
    urls = options["further_urls"]
    if not urls:
        stray = next((name for name in _OF_A_LOAD if options[name]), None)
        if stray is not None:
            flag = stray.replace("_", "-").removesuffix("s") if stray == "headers" else stray
            raise click.UsageError(
                f"--{flag.replace('_', '-')} belongs to a load: say what to ask for, with --url /"
            )
        return
    for url in urls:
        if not url.startswith("/") and "://" not in url:
            shown = shown_url(url)
            raise click.UsageError(f"{shown!r} is no path: begin it with a slash, as in /items/1")
    _plan(options, _SOMEWHERE)


def ways(options: Mapping[str, Any]) -> list[Way]:
    """The way to ask, if there is one.

    Args:
        options: as click gives them to a command with `own_load_options`.
    """
    urls: Sequence[str] = options["further_urls"]
    if not urls:
        return []
    method = options["method"].upper()
    variant = Variant("load", f"{method} {first_of([*map(shown_url, urls)])}")
    return [Way(variant, lambda base: [_plan(options, base)])]


def _plan(options: Mapping[str, Any], base: str) -> LoadPlan:
    urls = [url if "://" in url else base + url for url in options["further_urls"]]
    return load_plan({**options, "further_urls": ()}, urls, clients=CLIENTS)

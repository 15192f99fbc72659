"""The options that say which lints speak: the same for every command that has findings."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from threadscope.lints.judge import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def known_lint(name: str) -> str:
    """A lint's name.

    Raises:
        click.BadParameter: there is none of this name.
    """
    from threadscope.lints.catalog import LINTS

    if name in LINTS:
        return name
    close = get_close_matches(name, LINTS, 1)
    hint = f"did you mean {close[0]}?" if close else "`threadscope explain` lists them"
    raise click.BadParameter(f"there is no lint {name!r}: {hint}")


def _names(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name if name == "all" else known_lint(name) for name in values)


def _thresholds(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    from threadscope.lints.catalog import LINTS

    found = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE, as in loop-blocked=50ms")
        try:
            found[known_lint(name)] = LINTS[name].threshold.parse(text)
        except ValueError as error:
            raise click.BadParameter(f"{name}: {error}") from error
    return found


def lint_options(command: Command) -> Command:
    """Adds -W, -A and --set to a command; `settings_of` takes them out of its options again."""
    for option in (
        click.option(
            "--set", "thresholds", metavar="NAME=VALUE", multiple=True, callback=_thresholds,
            help="Threshold of a lint, as in loop-blocked=50ms.",
        ),
        click.option(
            "-A", "--allow", metavar="NAME", multiple=True, callback=_names,
            help="Say nothing of this lint; `all` for all but those of -W.",
        ),
        click.option(
            "-W", "--warn", metavar="NAME", multiple=True, callback=_names,
            help="Let this lint warn, if it only informs; `all` for all of them.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def settings_of(options: dict[str, Any]) -> Settings:
    """What -W, -A and --set say."""
    from threadscope.lints.judge import Settings

    return Settings(options.pop("warn"), options.pop("allow"), options.pop("thresholds"))

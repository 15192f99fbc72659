"""Options that several commands have, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from threadscope.load.plan import LoadPlan

POWERS = {"": 1, "k": 1000, "m": 1_000_000}
UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
MOST_CLIENTS = 10_000
MOST_BYTES = 8 << 20

RATE_HELP = (
    "Requests per second of all clients together, on a schedule, however slow the answers are."
)

F = TypeVar("F", bound=Callable[..., Any])


# -- values ------------------------------------------------------------------------------------
def seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """`5`, `5s`, `500ms`, `2m`: a time in seconds."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", value.strip(), re.ASCII)
    time = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < time <= 86_400:
        raise click.BadParameter(
            f"{value!r} is not a time: a number with ms, s, m or h behind it, as in 500ms, 5s"
            " or 2m, up to 24h"
        )
    return time


def whole(most: int) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """`100`, `10k`, `1m`: a whole number, at most `most`."""

    def parse(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        found = re.fullmatch(r"(\d{1,15})([km]?)", value.strip().lower(), re.ASCII)
        number = int(found[1]) * POWERS[found[2]] if found else 0
        if not 1 <= number <= most:
            raise click.BadParameter(
                f"{value!r} is not a whole number from 1 to {most:,} (10k is 10,000, 1m a million)"
            )
        return number

    return parse


def rate(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """`200`, `0.5`, `10k`: requests per second."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(k?)", value.strip().lower(), re.ASCII)
    number = float(found[1]) * POWERS[found[2]] if found else 0.0
    if not 0 < number <= 100_000:
        raise click.BadParameter(
            f"{value!r} is not a rate: requests per second, more than 0 and up to 100k, as in 200"
        )
    return number


def _headers(_: click.Context, __: click.Parameter, given: Sequence[str]) -> list[tuple[str, str]]:
    """`Name: value`, or `@FILE` with one a line."""
    lines: list[str] = []
    for one in given:
        lines += _read(one[1:]).decode("latin-1").splitlines() if one.startswith("@") else [one]
    found = []
    for line in filter(str.strip, lines):
        name, colon, value = line.partition(":")
        if not colon:  # not shown: it may be a secret
            raise click.BadParameter("a header is 'Name: value', or @FILE with one a line")
        found.append((name.strip(), value.strip()))
    return found


def _file(_: click.Context, __: click.Parameter, path: str | None) -> bytes | None:
    return None if path is None else _read(path)


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise click.BadParameter(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise click.BadParameter(f"{path} is larger than {MOST_BYTES >> 20} MiB")
    return data


# -- the load ----------------------------------------------------------------------------------
LOAD_OPTIONS = (
    click.option("-c", "--concurrency", metavar="NUMBER", callback=whole(MOST_CLIENTS),
                 help="Clients, each of which asks again when it was answered; with -q: how many"
                 " requests may be out at a time."),
    click.option("-n", "--requests", metavar="NUMBER", callback=whole(10**9),
                 help="Stop after so many requests."),
    click.option("-z", "--duration", metavar="TIME", callback=seconds,
                 help="Stop after so long, as in 500ms, 5s or 2m."),
    click.option("-q", "--rate", metavar="NUMBER", callback=rate, help=RATE_HELP),
    click.option("--burst", metavar="NUMBER", callback=whole(MOST_CLIENTS),
                 help="So many requests at once, timed as a whole."),
    click.option("-m", "--method", metavar="METHOD", default="GET", show_default=True,
                 help="Method, as in POST or PUT."),
    click.option("-H", "--header", "headers", metavar="HEADER", multiple=True, callback=_headers,
                 help="'Name: value', or @FILE with one a line, so that no secret is in the list"
                 " of processes; may be repeated."),
    click.option("-d", "--data", metavar="TEXT", help="The body."),
    click.option("-D", "--data-file", metavar="FILE", callback=_file, help="A file with the body."),
    click.option("-T", "--content-type", metavar="TYPE",
                 help="Type of the body, as in application/json."),
    click.option("-t", "--timeout", metavar="TIME", callback=seconds, default="30s",
                 show_default=True, help="Longest wait for an answer."),
    click.option("--disable-keepalive", is_flag=True, help="A new connection for each request."),
    click.option("--allow-remote", is_flag=True,
                 help="Load another machine than this one. Only with its owner's leave."),
)  # fmt: skip


def load_options(command: F) -> F:
    """Gives a command the options of a load; `load_plan` understands their values."""
    return _with_load("URL", "A further URL, asked in turn with the others; may be repeated.")(
        command
    )


def own_load_options(command: F) -> F:
    """The same for a command with a server of its own, which is asked where `--url` says so."""
    return _with_load(
        "PATH", "Ask for this path, as in /items/1, with a load of our own; several are asked in"
        " turn.",
    )(command)  # fmt: skip


def _with_load(metavar: str, what: str) -> Callable[[F], F]:
    url = click.option("--url", "further_urls", metavar=metavar, multiple=True, help=what)

    def give(command: F) -> F:
        for option in reversed((url, *LOAD_OPTIONS)):
            command = option(command)
        return command

    return give


def load_plan(
    options: Mapping[str, Any],
    urls: Sequence[str],
    *,
    clients: int = 50,
    requests: int | None = None,
    seconds: float | None = None,
) -> LoadPlan:
    """The load that is wanted.

    Args:
        options: as click gives them to a command with `load_options`.
        urls: what is asked in turn, those of `--url` left out.
        clients: where none are asked for.
        requests: how many where neither that nor a length is asked for.
        seconds: likewise, the length.

    Raises:
        click.UsageError: such a load there cannot be; one line.
    """
    from threadscope.load.plan import LoadPlan, Model

    if options["burst"] and any(options[one] for one in ("concurrency", "requests", "duration")):
        raise click.UsageError("--burst sends each request once: leave out -c, -n and -z")
    if options["burst"] and options["rate"]:
        raise click.UsageError("--burst or -q: at once, or on a schedule")
    ends = options["requests"] or options["duration"]
    rate = options["rate"]
    asked: list[str] = [*urls, *options["further_urls"]]
    try:
        return LoadPlan(
            url=asked[0],
            further_urls=tuple(asked[1:]),
            clients=options["burst"] or options["concurrency"] or clients,
            requests=options["requests"] if ends else requests,
            seconds=options["duration"] if ends else seconds,
            model=Model.BURST if options["burst"] else Model.OPEN if rate else Model.CLOSED,
            rate=rate,
            method=options["method"].upper(),
            headers=_all_headers(options),
            body=_body(options),
            timeout_s=options["timeout"],
            keep_alive=not options["disable_keepalive"],
            allow_remote=options["allow_remote"],
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _all_headers(options: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = options["headers"]
    if not options["content_type"]:
        return tuple(given)
    others = [(name, value) for name, value in given if name.lower() != "content-type"]
    return ("Content-Type", options["content_type"]), *others


def _body(options: Mapping[str, Any]) -> bytes:
    if options["data"] is not None and options["data_file"] is not None:
        raise click.UsageError("-d or -D: one body")
    return options["data_file"] or (options["data"] or "").encode()

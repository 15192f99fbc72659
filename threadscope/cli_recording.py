"""The command line of what is kept: options that several commands share, and their own commands."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from threadscope.usage import say

if TYPE_CHECKING:
    from threadscope.keep import Keep
    from threadscope.recording.encode import Encoder

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(dir_okay=False, path_type=Path)
LEAST, MOST = (20, 5), (500, 200)


def _size(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """`120x36`: columns and rows."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", value.strip().lower(), re.ASCII)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (LEAST[0] <= size[0] <= MOST[0] and LEAST[1] <= size[1] <= MOST[1]):
        raise click.BadParameter(f"{value!r} is no size from 20x5 to 500x200: say 120x36")
    return size


def save_option(command: F) -> F:
    """`--save`."""
    return click.option(
        "--save",
        metavar="FILE",
        type=FILE,
        help="Keep what is observed, for `threadscope replay` and `report` (.tscope).",
    )(command)


def film_options(command: F) -> F:
    """`--record` and what goes with it."""
    options = (
        click.option(
            "--record", metavar="FILE", type=FILE, help="Record the screen as a screencast (.cast)."
        ),
        click.option(
            "--cast-version",
            type=click.Choice(("2", "3")),
            default="2",
            show_default=True,
            help="Version of the asciicast format; every player reads 2.",
        ),
        click.option(
            "--screenshot", metavar="FILE", type=FILE, help="Save the last picture, as SVG."
        ),
        click.option(
            "--size",
            metavar="COLUMNSxROWS",
            callback=_size,
            help="Size of the recorded screen; it then runs without a terminal  [default: 120x36]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def keep_from(title: str, options: dict[str, Any], *, lines: bool = False) -> Keep:
    """What the options ask for.

    Args:
        title: of pictures: the command.
        options: of a command; those of here are taken out.
        lines: it shows no screen.
    """
    from threadscope.keep import SIZE, Keep
    from threadscope.model.text import clean

    record, screenshot, size = (options.pop(name) for name in ("record", "screenshot", "size"))
    version, save = int(options.pop("cast_version")), options.pop("save", None)
    filmed = record is not None or screenshot is not None
    if lines and (filmed or size):
        raise click.UsageError("--record, --screenshot and --size need the screen")
    if size and not filmed:
        raise click.UsageError("--size is for --record or --screenshot")
    terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if filmed and not terminal:
        size = size or SIZE
    return Keep(clean(title), save, record, version, screenshot, size)


def saving(keep: Keep) -> Encoder | None:
    """What saves the session, if it is to be saved; a file that cannot be written ends all."""
    from threadscope.recording.errors import RecordingError

    try:
        return keep.encoder()
    except RecordingError as error:
        raise click.ClickException(str(error)) from error


# -- commands ----------------------------------------------------------------------------------
def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """`83`, `1:23`, `90s`: a moment, in seconds from the begin."""
    if value is None:
        return None
    text = value.strip().removesuffix("s")
    if not re.fullmatch(r"(?:\d{1,3}:){0,2}\d{1,5}(?:\.\d+)?", text, re.ASCII):
        raise click.BadParameter(f"{value!r} is no moment: say 83, 83s or 1:23")
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 16),
    default=1.0,
    show_default=True,
    help="How many seconds of the session pass in one second.",
)
@click.option(
    "--from", "start_s", metavar="TIME", callback=_seconds, help="Begin here, as in 1:23."
)
@film_options
def replay(file: Path, speed: float, start_s: float | None, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Show a saved session in the same screen, with its own clock."""
    keep = keep_from(f"threadscope replay {file.name}", options)
    from threadscope.run import replay

    if keep.size is None and not sys.stdout.isatty():
        raise click.UsageError("a replay needs a terminal, or --record or --screenshot")
    sys.exit(replay(file, speed=speed, start_s=start_s or 0.0, keep=keep))


@click.command(short_help="Compute the report of a saved session again.")
@click.argument("file", type=FILE)
@click.option("--json", "form", flag_value="json", help="The JSON report  [default]")
@click.option("--markdown", "form", flag_value="markdown", help="Tables in Markdown.")
def report(file: Path, form: str | None) -> None:
    """Compute the report of a saved session again: what the live run gave."""
    from threadscope.recording.errors import RecordingError
    from threadscope.recording_report import saved_report

    try:
        text, trouble = saved_report(file, form or "json")
    except RecordingError as error:
        raise click.ClickException(str(error)) from error
    click.echo(text)
    if trouble:
        say(f"Warning: {trouble}")


ENDINGS = {
    "svg": "svg",
    "html": "html",
    "gif": "gif",
    "txt": "txt",
    "chrometrace": "json",
    "csv": "csv",
}
"""What an export's name ends in."""


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--to",
    "form",
    type=click.Choice(list(ENDINGS)),
    help="Of a screencast: svg, html, gif (needs the extra `image`) or txt, its last picture. "
    "Of a session: chrometrace (for Perfetto) or csv.  [default: by the name after -o]",
)
@click.option(
    "-o", "--output", metavar="FILE", type=FILE, help="What is written  [default: beside FILE]"
)
@click.option(
    "--fps",
    type=click.FloatRange(0.1, 60),
    default=8.0,
    show_default=True,
    help="Pictures a second, at most.",
)
@click.option("--from", "begin", metavar="TIME", callback=_seconds, help="Begin here, as in 1:23.")
@click.option("--until", metavar="TIME", callback=_seconds, help="End here.")
@click.option(
    "--idle-limit", "idle", metavar="TIME", callback=_seconds, help="Cut longer rests down to this."
)
def export(file: Path, form: str | None, output: Path | None, **cut: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Make a picture, a page, a film or a trace of a recorded file."""
    form = form or next(
        (f for f, e in ENDINGS.items() if output and output.suffix == f".{e}"), None
    )
    if form is None:
        raise click.UsageError(f"say what to make: --to {'|'.join(ENDINGS)}")
    output = output or file.with_suffix(f".{ENDINGS[form]}")
    if output == file:
        raise click.UsageError(f"{file} would be overwritten: say another name with -o")
    from threadscope.recording.errors import RecordingError

    try:
        trouble = _export(file, output, form, cut)
    except RecordingError as error:
        raise click.ClickException(str(error)) from error
    if trouble:
        say(f"Warning: {trouble}")
    say(f"wrote {output}")


def _export(file: Path, output: Path, form: str, cut: dict[str, Any]) -> str:
    from threadscope.recording.errors import RecordingError
    from threadscope.recording.export import (
        CAST_FORMS,
        SESSION_FORMS,
        export_cast,
        export_session,
        is_session,
    )
    from threadscope.recording.frames import Cut
    from threadscope.recording.paths import check_writable

    session = is_session(file)
    if form not in (SESSION_FORMS if session else CAST_FORMS):
        what, can = ("session", SESSION_FORMS) if session else ("screencast", CAST_FORMS)
        raise RecordingError(f"{file} is a {what}: --to {' or '.join(can)}")
    check_writable(output, links=True)
    part = Cut(cut["fps"], cut["begin"] or 0.0, cut["until"], cut["idle"])
    shown = sys.stderr if sys.stderr.isatty() else io.StringIO()
    with click.progressbar(length=1000, label="reading", file=shown) as bar:

        def progress(done: float) -> None:
            bar.update(int(done * 1000) - bar.pos)

        if session:
            return export_session(file, output, form, progress)
        export_cast(file, output, form, part, progress)
    return ""


COMMANDS = (replay, report, export)

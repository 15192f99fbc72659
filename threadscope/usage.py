"""How the command line answers what it cannot understand: one line, and a hint."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a write to standard output fails with."""
MOST_SAID = 20_000
"""Characters of a line."""


class Commands(click.Group):
    """A group whose errors take one line, without click's three lines of usage before it."""

    def main(self, args: Sequence[str] | None = None, *extra: Any, **more: Any) -> Any:  # noqa: ANN401  # as click has it
        """Runs a command and exits with its status; 2 for what cannot be understood."""
        more["standalone_mode"] = False
        try:
            sys.exit(super().main(args, *extra, **more))
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            complain(f"{error.format_message()}{_hint(error)}")
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(130)
        except OSError as error:
            if error.errno not in FULL:
                raise
            sys.exit(cannot_write(error))


def _hint(error: click.ClickException) -> str:
    """Where to look, unless the error itself says what is accepted."""
    context = getattr(error, "ctx", None)
    if context is None or isinstance(error, click.BadParameter):
        return ""
    return f"\nhint: {context.command_path} --help"


def say(text: str) -> None:
    """Says something on standard error: whatever was found, a name, a path, a server's last words.

    Args:
        text: its lines are made harmless for a terminal, each by itself.

    Raises:
        OSError: there is nobody to hear it.
    """
    from threadscope.model.text import clean

    click.echo("\n".join(clean(line, MOST_SAID) for line in text.split("\n")), err=True)


def complain(why: str) -> None:
    """Says on standard error what went wrong; as `say` does."""
    say(f"Error: {why}")


def cannot_write(error: OSError) -> int:
    """Says that standard output takes nothing more; the exit status."""
    why = error.strerror or type(error).__name__
    try:
        click.echo(f"Error: cannot write to standard output: {why.lower()}", err=True)
    except OSError:  # nor does standard error
        pass
    close_output()
    return 1


def close_output() -> None:
    """Nothing can be said any more. Python would write out what is left when it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        os.dup2(nowhere, stream.fileno())

"""Starts a command with a probe that sleeps until a monitor comes.

    python -m threadscope.probe -- uvicorn main:app

For production: `threadscope attach` wakes it, leaving lets it sleep again. The command takes this
process's place; when the probe cannot be set up it runs all the same, without it.
"""

from __future__ import annotations

import os
import sys

from threadscope.probe import folders
from threadscope.probe.state import DORMANT_VARIABLE

USAGE = "usage: python -m threadscope.probe -- COMMAND [ARGUMENT...]"


def main(arguments: list[str]) -> int:
    """Becomes the command; returns only when that cannot be."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__.strip())  # noqa: T201  # that is what was asked for
        return 0
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command or command[0].startswith("-"):
        sys.stderr.write(USAGE + "\n")
        return 2
    environment = dict(os.environ)
    try:
        environment = folders.with_probe(environment, folders.new_run(os.getpid()))
        environment[DORMANT_VARIABLE] = "1"
    except (OSError, ValueError) as error:
        sys.stderr.write("threadscope: no probe: %s\n" % error)
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        sys.stderr.write("cannot start %s: %s\n" % (command[0], error.strerror))
        return 127 if isinstance(error, FileNotFoundError) else 126


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How much memory a file may take: small files can be made that unpack into anything."""

from __future__ import annotations

from pathlib import Path

import psutil

from threadscope.recording.errors import RecordingError

SHARE = 0.5
"""Of the machine's memory; what we use otherwise is some 50 MB."""


def check_memory(path: Path) -> None:
    """Looks whether there is memory for more of a file.

    Args:
        path: of the file, which is read piece by piece.

    Raises:
        RecordingError: this process has taken its share.
    """
    most = int(psutil.virtual_memory().total * SHARE)
    if psutil.Process().memory_info().rss > most:
        raise RecordingError(
            f"{path} needs more than {most >> 20:,} MiB of memory: it is too long, or damaged"
        )

"""Whether a file can be written, before something long begins."""

from __future__ import annotations

from pathlib import Path

from threadscope.recording.errors import RecordingError


def check_writable(path: Path) -> None:
    """Leaves the file as it is.

    Raises:
        RecordingError: it cannot be written.
    """
    try:
        exists = path.exists()
        path.open("ab").close()
        if not exists:
            path.unlink()
    except OSError as error:
        raise RecordingError(f"cannot write {path}: {error.strerror}") from error

"""What a user can cause here."""

from __future__ import annotations


class RecordingError(Exception):
    """A file that cannot be written or read; the message is one line that says what to do."""

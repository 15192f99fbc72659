"""What can go wrong with a server, in words for its user."""

from __future__ import annotations


class TargetError(Exception):
    """The server cannot be started or watched; the message says what to do about it."""

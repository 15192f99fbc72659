"""What comes of a request: an answer, or a reason why there is none."""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import NamedTuple


class ErrorKind(IntEnum):
    """Why a request got no whole answer; the number is in its DONE record."""

    NONE = 0
    REFUSED = 1
    RESET = 2
    """The connection ended before an answer had begun."""
    TIMEOUT = 3
    OTHER = 4
    WRONG_LENGTH = 5
    """The body was shorter, or longer, than its headers said."""
    GARBAGE = 6
    """What came is not HTTP."""


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    t: int
    """When the last of it came, monotonic ns."""
    size: int
    """Bytes of its body."""


class NoAnswer(Exception):
    """A request got no whole answer.

    Attributes:
        kind: in one word.
        why: in a few.
    """

    def __init__(self, kind: ErrorKind, why: str = "") -> None:
        super().__init__(why)
        self.kind, self.why = kind, why


def failed_connection(error: OSError) -> NoAnswer:
    """What the failure to connect means for a request."""
    why = error.strerror or str(error) or type(error).__name__
    if error.errno == errno.ECONNREFUSED:
        return NoAnswer(ErrorKind.REFUSED, why)
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return NoAnswer(ErrorKind.RESET, why)
    if error.errno == errno.EMFILE:
        why = "more connections than this process may have open files (ulimit -n)"
    elif error.errno == errno.EADDRNOTAVAIL:
        why = "no free local port is left: too many connections were made too quickly"
    return NoAnswer(ErrorKind.OTHER, why)

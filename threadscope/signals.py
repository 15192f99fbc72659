"""SIGINT, SIGTERM and SIGHUP ask us to end; what runs is then put away in good order."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def quiet_interrupt() -> None:
    """Lets Ctrl-C just end the program, while there is nothing to put away yet."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


class Signals:
    """Notes the first signal that asks us to end. Later ones do no harm. For the main thread only.

    A signal is noted and not raised: an exception in the middle of an event loop's callback, or of
    the cleaning up, would be swallowed or cut it short. Whoever loops looks at `number`.
    """

    def __init__(self) -> None:
        self.number = 0
        """The signal's number; 0: none came."""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        for one in ASKING:
            if signal.getsignal(one) is not signal.SIG_IGN:  # as nohup wants it
                self._before[one] = signal.signal(one, self._came)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one, handler in self._before.items():
            # after a signal the program is about to end: a second Ctrl-C does no harm
            signal.signal(one, signal.SIG_IGN if self.number else handler)

    def _came(self, number: int, _: FrameType | None) -> None:
        self.number = self.number or number

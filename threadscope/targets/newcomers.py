"""Processes that an attached server starts later: they get the probe that the first ones got."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from .inject import inject
from .reach import why_not_injected

MOST_TRIES = 7
"""At the first look, and after twice as many each time: a process that starts just now may not be
able to take it yet."""
LOOKS = 30
"""Who serves nothing after so many looks, a second apart, never will: a supervisor, a helper."""


class Newcomers:
    """Knows which processes of a server serve without a probe, and takes one in if it may.

    Args:
        serving: which of its processes serve; that is dear to know, and asked for seldom.
        folder: makes the place for their rings; None: they are to be left as they are.
    """

    def __init__(
        self, serving: Callable[[], Collection[int]], folder: Callable[[], Path] | None
    ) -> None:
        self._serving, self._folder = serving, folder
        self._looks: Counter[int] = Counter()
        self._waits: Counter[int] = Counter()
        """For how many looks a process has served without a probe."""
        self._tries: Counter[int] = Counter()
        self._why: dict[int, str] = {}
        self._thread: threading.Thread | None = None

    def look(self, pids: Collection[int], probed: Collection[int]) -> str:
        """Looks again, about once a second; a probe is taken in by a thread of our own.

        Args:
            pids: of the server.
            probed: those whose probes are heard.

        Returns:
            Who serves without a probe, and what becomes of it; "" when nobody does.
        """
        others = [pid for pid in pids if pid not in probed and self._looks[pid] < LOOKS]
        serving = self._serving() if others else ()
        without = [pid for pid in others if pid in serving]
        self._looks.update(pid for pid in others if pid not in serving)
        if not without:
            return ""
        self._waits.update(without)
        if self._folder is not None:
            self._take_in(without)
        said = [self._said(pid) for pid in without]
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return said[0] + more

    def _said(self, pid: int) -> str:
        into = self._folder is not None
        why = self._why.get(pid, "it is taken in") if into else why_not_injected(pid)
        return f"process {pid} has no probe, its requests are not seen: {why}"

    def _take_in(self, without: list[int]) -> None:
        """One at a time, who was tried least; a turn that passes meanwhile comes afterwards."""
        due = [pid for pid in without if self._is_due(pid)]
        if not due or self._thread is not None:
            return
        pid = min(due, key=self._tries.__getitem__)
        self._tries[pid] += 1
        self._thread = threading.Thread(
            target=self._inject, args=(pid,), name="threadscope inject", daemon=True
        )
        self._thread.start()

    def _is_due(self, pid: int) -> bool:
        tries = self._tries[pid]
        return tries < MOST_TRIES and self._waits[pid] >= 1 << tries

    def _inject(self, pid: int) -> None:
        assert self._folder is not None
        try:
            why = inject(pid, self._folder())
        except OSError as error:
            why = f"there is no place for a ring: {error}"
        self._why[pid] = why or "it was taken in just now"
        self._thread = None

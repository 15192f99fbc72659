"""Names, places and the holder of the GIL, by py-spy: where no probe can tell them.

py-spy reads another process's memory and does not stop it (`--nonblocking`). A dump costs some
20 ms of CPU, so there is at most one in two seconds, of one process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from threadscope.model.sample import Stack
from threadscope.model.snapshot import Role
from threadscope.model.text import clean

T = TypeVar("T")
EVERY_S = 2.0
_PATIENCE_S = 5.0
_WORKERS = ("AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")
_RUNNERS = frozenset(("run", "run_forever", "run_until_complete"))
_LIBRARIES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}", "<")


class Look(NamedTuple):
    """Where a thread was found; places as `cpu.py:31 in burn()`, "" where there is none."""

    own: str
    """Innermost in the app's own code."""
    innermost: str
    """Innermost at all, in Python."""
    holds_gil: bool


def find_py_spy() -> str | None:
    """The program beside our own Python, or on the PATH."""
    beside = os.path.dirname(sys.executable)
    return shutil.which("py-spy", path=beside) or shutil.which("py-spy")


def dump(program: str, pid: int) -> list[Stack]:
    """Where the threads of a process are.

    Raises:
        OSError: it cannot be known; the message says why.
    """
    return _ask(program, pid, lambda threads: [_stack(thread) for thread in threads])


def look_at(program: str, pid: int, tid: int) -> Look:
    """Where the thread of an event loop is in what it runs now.

    Raises:
        OSError: it cannot be known; the message says why.
    """

    def find(threads: list[dict[str, Any]]) -> Look:
        found = next((thread for thread in threads if thread["os_thread_id"] == tid), None)
        if found is None:
            raise OSError("py-spy does not know the thread")
        return _look(found)

    return _ask(program, pid, find)


def _ask(program: str, pid: int, understand: Callable[[list[dict[str, Any]]], T]) -> T:
    try:
        done = subprocess.run(
            [program, "dump", "--json", "--nonblocking", "--pid", str(pid)],
            capture_output=True, timeout=_PATIENCE_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OSError("py-spy does not answer") from None
    if done.returncode:
        raise OSError(_reason(done.stderr.decode(errors="replace")))
    try:
        return understand(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError):
        raise OSError("py-spy says what we do not understand") from None


def _reason(said: str) -> str:
    if "ermission" in said:
        return "the system does not let py-spy in: be root, or set kernel.yama.ptrace_scope to 0"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"py-spy: {clean(lines[0], 100)}" if lines else "py-spy failed"


def _stack(thread: dict[str, Any]) -> Stack:
    frames = thread["frames"]
    name = clean(thread["thread_name"] or "", 60)
    role = Role.WORKER if name.startswith(_WORKERS) else Role.LOOP if _runs(frames) else None
    own = next((frame for frame in frames if _is_own(frame["filename"])), None)
    if own is not None and role is Role.LOOP and not thread["active"]:
        own = None  # the loop waits; what is below is the line that started the server
    shown = own or (frames[0] if frames and thread["active"] else None)
    return Stack(
        tid=thread["os_thread_id"],
        name=name,
        role=role,
        where=_place(shown) if shown else "",
        holds_gil=bool(thread["owns_gil"]),
    )


def _look(thread: dict[str, Any]) -> Look:
    ran: list[dict[str, Any]] = []
    for frame in thread["frames"]:
        if _is_runner(frame):
            break
        ran.append(frame)
    own = next((frame for frame in ran if _is_own(frame["filename"])), None)
    return Look(
        own=_place(own) if own else "",
        innermost=_place(ran[0]) if ran else "",
        holds_gil=bool(thread["owns_gil"]),
    )


def _runs(frames: Sequence[dict[str, Any]]) -> bool:
    """Whether an event loop runs on it."""
    return any(map(_is_runner, frames))


def _is_runner(frame: dict[str, Any]) -> bool:
    return "asyncio" in frame["filename"] and frame["name"].rpartition(".")[2] in _RUNNERS


def _is_own(filename: str) -> bool:
    """Whether a file is the app's, and not Python's or a library's."""
    standard = f"{os.sep}lib{os.sep}python" in filename
    return not standard and not any(part in filename for part in _LIBRARIES)


def _place(frame: dict[str, Any]) -> str:
    function = frame["name"].rpartition(".")[2]
    return clean(f"{os.path.basename(frame['filename'])}:{frame['line']} in {function}()", 100)


class StackSampler:
    """Dumps one process after the other, in a thread of its own.

    Args:
        tell: gets a process and its stacks; called in that thread.
    """

    def __init__(self, tell: Callable[[int, list[Stack]], None]) -> None:
        self._tell = tell
        self._program = find_py_spy()
        self._pids: tuple[int, ...] = ()
        self._turn = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.trouble = "" if self._program else "names need py-spy: pip install threadscope[stacks]"
        """Why there are no stacks; "" when there are."""

    def follow(self, pids: Iterable[int]) -> None:
        """Says of which processes stacks are wanted; the first call with one begins."""
        self._pids = tuple(pids)
        if self._pids and self._program and self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="threadscope stacks", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S + 1)

    def _run(self) -> None:
        assert self._program is not None
        while not self._ended.is_set():
            pids = self._pids
            if pids:
                self._turn += 1
                pid = pids[self._turn % len(pids)]
                try:
                    self._tell(pid, dump(self._program, pid))
                    self.trouble = ""
                except OSError as error:
                    self.trouble = str(error)
            self._ended.wait(EVERY_S)

"""Why a probe is not in a process, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from threadscope.model.text import clean

from . import inspection
from .sockets import inodes, listeners


def why_no_probe(pids: Iterable[int]) -> str:
    """Of a command that we started with the probe, which has left no sign of itself."""
    pids = tuple(pids)
    held = {one.inode for one in listeners(pids)}
    serving = [pid for pid in pids if inodes(pid) & held] or list(pids)
    for pid in reversed(serving):  # workers come after their supervisor
        name = clean(os.path.basename(inspection.executable(pid)), 60) or f"process {pid}"
        if not inspection.is_python(pid):
            return f"{name} is not a Python: its requests cannot be seen"
        option = inspection.ignores_environment(pid)
        if option:
            return f"{name} {option} takes no start-up hook: leave {option} out"
        if "THREADSCOPE_DIR" not in inspection.environment(pid):
            return f"the probe's environment did not reach {name}: start the server itself"
        if inspection.other_namespace(pid):
            return f"{name} runs in a container: start threadscope in there"
    return (
        "no request was seen yet, or its server is none that the probe knows:"
        " uvicorn, hypercorn, granian, or any with a Starlette or FastAPI app"
    )


def why_not_injected(pid: int) -> str:
    """Why a probe is not seen in, or cannot be put into, a running process."""
    if inspection.lost_ring(pid):
        return "its probe's ring was deleted: restart it to see its requests"
    version = inspection.python_version(pid)
    number = tuple(int(part) for part in version.split(".")) if version else ()
    if number < (3, 14):
        shown = f"Python {version}" if version else "its Python"
        return f"{shown} cannot take a probe in (3.14 can): start it by `threadscope run`"
    if inspection.other_namespace(pid):
        return "it runs in a container: start threadscope in there"
    return "its Python can take the probe in: add --inject"

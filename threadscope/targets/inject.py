"""Takes a probe into a Python that runs already, by its own interpreter: `sys.remote_exec`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import threadscope.probe

from .inspection import process

_ASK = "import sys; sys.remote_exec(int(sys.argv[1]), sys.argv[2])"
_ASK_S = 10.0
_ANSWER_S = 10.0
"""Its main thread must run Python code to take the probe in; uvicorn's does ten times a second."""
_LOOK_S = 0.02
_AGAIN_S = 0.2
_BUSY = "it imports modules just now"

_SCRIPT = """\
def enter():
    import sys
    for module in list(sys.modules.values()):
        spec = getattr(module, "__dict__", {{}}).get("__spec__")
        if getattr(spec, "_initializing", False):  # half of it cannot be patched
            with open({answer!r} + ".new", "w") as file:
                file.write({busy!r})
            import os
            return os.rename({answer!r} + ".new", {answer!r})
    from importlib.util import module_from_spec, spec_from_file_location
    if "_threadscope_probe" not in sys.modules:
        spec = spec_from_file_location(
            "_threadscope_probe", {probe!r} + "/__init__.py", submodule_search_locations=[{probe!r}]
        )
        sys.modules[spec.name] = module = module_from_spec(spec)
        spec.loader.exec_module(module)
    from _threadscope_probe import live
    live.enter({folder!r}, {answer!r})
try:
    enter()
except Exception as error:
    print("threadscope:", repr(error), file=__import__("sys").stderr)
del enter
"""
"""Runs in the `__main__` of the process, and leaves nothing there."""


def inject(pid: int, folder: Path) -> str:
    """Takes the probe into a process and waits until it is there.

    Args:
        pid: of a Python 3.14 or later.
        folder: for its ring; it must stay as long as the process lives.

    Returns:
        Why it did not work; "" when it did.
    """
    end = time.monotonic() + _ANSWER_S
    while (said := _enter(pid, folder)) == _BUSY and time.monotonic() < end:
        time.sleep(_AGAIN_S)
    return said


def _enter(pid: int, folder: Path) -> str:
    that = process(pid)
    probe = str(Path(threadscope.probe.__file__).parent)
    answer = folder / f"answer-{pid}"
    script = folder / f"enter-{pid}.py"
    script.write_text(
        _SCRIPT.format(probe=probe, folder=str(folder), answer=str(answer), busy=_BUSY)
    )
    try:
        asked = subprocess.run(
            [f"/proc/{pid}/exe", "-I", "-S", "-c", _ASK, str(pid), str(script)],
            capture_output=True, text=True, timeout=_ASK_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"its Python cannot be run: {error}"
    if asked.returncode:
        return _reason(asked.stderr)
    end = time.monotonic() + _ANSWER_S
    while not answer.exists():
        if not that.lives:
            return "it has ended"
        if time.monotonic() > end:
            return f"its main thread ran no Python code for {_ANSWER_S:g} s"
        time.sleep(_LOOK_S)
    said = answer.read_text()
    answer.unlink()
    script.unlink()
    return "" if said == "ok" else said


def _reason(said: str) -> str:
    last = said.strip().rpartition("\n")[2]
    if "PermissionError" in last:
        return "the system does not allow it: be root, or set kernel.yama.ptrace_scope to 0"
    if "not enabled" in last:
        return "it was started without remote debugging (PYTHON_DISABLE_REMOTE_DEBUG)"
    if "has no attribute" in last:
        return "its Python is older than 3.14: start it by `threadscope run`"
    return last or "its interpreter refused"

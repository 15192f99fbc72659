"""Takes a probe into a Python that runs already, by its own interpreter: `sys.remote_exec`."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import threadscope.probe

from . import inspection

_ASK = "import sys; sys.remote_exec(int(sys.argv[1]), sys.argv[2])"
_ASK_S = 10.0
_ANSWER_S = 10.0
"""Its main thread must run Python code to take the probe in; uvicorn's does ten times a second."""
_LOOK_S = 0.02
_AGAIN_S = 0.2
_MOST_SAID = 200
_BUSY = "it imports modules just now"

_SCRIPT = """\
def enter():
    import sys
    for module in list(sys.modules.values()):
        spec = getattr(module, "__dict__", {{}}).get("__spec__")
        if getattr(spec, "_initializing", False):  # half of it cannot be patched
            import os
            with open(os.open({answer!r} + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
                      "w") as file:
                file.write({busy!r})
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
        folder: for its ring; it must stay as long as the process lives. The script is written
            there as well, and taken away when it has run.

    Returns:
        Why it did not work; "" when it did.
    """
    if inspection.user(pid) != os.geteuid():  # it could read nothing of ours
        return "it runs as another user: run threadscope as that user"
    end = time.monotonic() + _ANSWER_S
    while (said := _enter(pid, folder)) == _BUSY and time.monotonic() < end:
        time.sleep(_AGAIN_S)
    return said


def _enter(pid: int, folder: Path) -> str:
    answer, script = folder / f"answer-{pid}", folder / f"enter-{pid}.py"
    probe = str(Path(threadscope.probe.__file__).parent)
    text = _SCRIPT.format(probe=probe, folder=str(folder), answer=str(answer), busy=_BUSY)
    for left in (script, answer, folder / f"{answer.name}.new"):  # by a try before, or a stranger
        left.unlink(missing_ok=True)
    _write_private(script, text)
    try:
        said = _ask(pid, script) or _answer(pid, answer)
    except TimeoutError as error:  # what the server does so late, it does without us
        os.truncate(script, 0)
        return str(error)
    script.unlink()
    answer.unlink(missing_ok=True)
    return "" if said == "ok" else said


def _write_private(path: Path, text: str) -> None:
    """Makes a file that nobody else can read; there must be none, and no link."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)


def _ask(pid: int, script: Path) -> str:
    """Has the process told to run the script; why that did not work, "" if it did.

    Raises:
        TimeoutError: nobody knows whether it was told.
    """
    try:
        asked = subprocess.run(
            [f"/proc/{pid}/exe", "-I", "-S", "-c", _ASK, str(pid), str(script)],
            capture_output=True, text=True, timeout=_ASK_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        return f"its Python cannot be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"its Python did not ask it within {_ASK_S:g} s") from None
    return _reason(asked.stderr) if asked.returncode else ""


def _answer(pid: int, answer: Path) -> str:
    """What the script says.

    Raises:
        TimeoutError: nothing so far.
    """
    that, end = inspection.process(pid), time.monotonic() + _ANSWER_S
    while not answer.exists():
        if not that.lives:
            return "it has ended"
        if time.monotonic() > end:
            raise TimeoutError(f"its main thread ran no Python code for {_ANSWER_S:g} s")
        time.sleep(_LOOK_S)
    return answer.read_bytes()[:_MOST_SAID].decode(errors="replace")


def _reason(said: str) -> str:
    last = said.strip().rpartition("\n")[2]
    if "PermissionError" in last:
        return "the system does not allow it: be root, or set kernel.yama.ptrace_scope to 0"
    if "not enabled" in last:
        return "it was started without remote debugging (PYTHON_DISABLE_REMOTE_DEBUG)"
    if "has no attribute" in last:
        return "its Python is older than 3.14: start it by `threadscope run`"
    return last or "its interpreter refused"

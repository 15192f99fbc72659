"""What this machine allows, and what to do about what it does not."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from threadscope.probe import compiled, layout
from threadscope.rings.folder import FolderError, base_folder
from threadscope.sampling.stacks import find_py_spy

MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")
VERSIONS = tuple(f"3.{minor}" for minor in range(9, 16))


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    fine: bool
    said: str
    advice: str = ""


def examine() -> list[Finding]:
    """All of it. Nothing is changed, and nothing is started."""
    looks: tuple[Callable[[], Finding], ...] = (
        _system, _python, _probe, _schedstat, _rings, _room, _ptrace, _py_spy, _inject, _files,
        _terminal,
    )  # fmt: skip
    return [look() for look in looks]


def _system() -> Finding:
    said = f"{platform.system()} {platform.release()}, {os.cpu_count()} cores"
    if platform.system() == "Linux":
        return Finding("system", True, said)
    return Finding("system", False, said, "threads are read from /proc: Linux shows more")


def _python() -> Finding:
    others = [v for v in VERSIONS if shutil.which(f"python{v}")]
    said = f"{platform.python_version()}; on the PATH: {', '.join(others) or 'none'}"
    return Finding("python", True, f"{said}. Servers on 3.9 and later can have a probe")


def _probe() -> Finding:
    if compiled.load() is not None:
        return Finding("probe", True, "compiled, in servers on CPython 3.11 and later")
    return Finding(
        "probe", False, "Python only: it takes a server about three times as long a request",
        "install it anew where there are a C compiler and Python's headers",
    )  # fmt: skip


def _schedstat() -> Finding:
    try:
        numbers = Path("/proc/self/schedstat").read_text().split()
    except OSError:
        numbers = []
    if len(numbers) == 3 and numbers[0] != "0":
        return Finding("schedstat", True, "CPU and waiting of each thread, in nanoseconds")
    return Finding(
        "schedstat", False, "not there: CPU in steps of 10 ms, and no waiting for a core",
        "a kernel with CONFIG_SCHED_INFO has it",
    )  # fmt: skip


def _rings() -> Finding:
    try:
        base = base_folder()
    except FolderError as error:
        return Finding("ring folder", False, str(error))
    kind = _file_system(base)
    if kind in MEMORY_FILE_SYSTEMS:
        return Finding("ring folder", True, f"{base} ({kind})")
    return Finding(
        "ring folder", False, f"{base} is on {kind or 'a disk'}: writing it may slow a server",
        "set XDG_RUNTIME_DIR to a folder of yours on tmpfs",
    )  # fmt: skip


def _file_system(path: Path) -> str:
    """The type of the file system that a path is on; "" where that is not known."""
    best = ("", "")
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, point, kind, *_ = line.split()
        inside = path.is_relative_to(point.replace("\\040", " "))
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def _room() -> Finding:
    try:
        free = shutil.disk_usage(base_folder()).free
    except (OSError, FolderError) as error:
        return Finding("room for rings", False, str(error))
    need = layout.total_size()
    said = f"{free >> 20:,} MiB free, {need / (1 << 20):.1f} MiB a process"
    if free > 16 * need:
        return Finding("room for rings", True, said)
    return Finding("room for rings", False, said, "make the tmpfs larger, as in docker --shm-size")


def _ptrace() -> Finding:
    try:
        scope = int(Path("/proc/sys/kernel/yama/ptrace_scope").read_text())
    except (OSError, ValueError):
        return Finding("ptrace", True, "no Yama: your own processes may be looked into")
    if scope == 0 or (os.geteuid() == 0 and scope < 3):
        return Finding("ptrace", True, f"kernel.yama.ptrace_scope is {scope}")
    return Finding(
        "ptrace", False, f"kernel.yama.ptrace_scope is {scope}: no py-spy and no --inject",
        "be root, or: sysctl kernel.yama.ptrace_scope=0; run and --keep need neither",
    )  # fmt: skip


def _py_spy() -> Finding:
    program = find_py_spy()
    if program:
        return Finding("py-spy", True, program)
    return Finding(
        "py-spy", False,
        "not there: without a probe no functions, nor the line of code that keeps the GIL",
        "pip install 'threadscope[stacks]'",
    )  # fmt: skip


def _inject() -> Finding:
    said = "attach --inject takes a probe into a running Python 3.14 or later"
    return Finding("inject", True, said)


def _files() -> Finding:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = f"{soft:,} open files (two for each thread that is watched)"
    if soft >= 1024:
        return Finding("open files", True, said)
    return Finding("open files", False, said, f"ulimit -n {min(hard, 4096)}")


def _terminal() -> Finding:
    term, colours = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if term.lower() in ("", "dumb", "unknown"):
        return Finding("terminal", False, f"TERM={term or 'none'}: plain lines, no screen")
    if os.environ.get("NO_COLOR"):
        return Finding("terminal", True, f"{term}, without colours (NO_COLOR)")
    if colours in ("truecolor", "24bit"):
        return Finding("terminal", True, f"{term}, {colours}")
    return Finding(
        "terminal", True, f"{term}, few colours", "COLORTERM=truecolor shows them as they are meant"
    )

"""What can be known of a process from outside: whose it is, whether it is a Python, its options."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
from pathlib import Path
from typing import NamedTuple

from threadscope.model.text import clean
from threadscope.probe.folders import birth
from threadscope.rings.life import lives

from .errors import TargetError
from .sockets import all_listeners, inodes

_PYTHON = re.compile(r"python(?:\d+(?:\.\d+)?)?[a-z]*$|pypy[\d.]*$")
_VERSION = re.compile(r"python(\d+\.\d+)")
_NO_ENVIRONMENT = re.compile(r"-[a-zA-Z]*[IES]")
"""`-I`, `-E`, `-S`, alone or with other letters before them."""
_LOST_RING = re.compile(rb"/server-\d+-\d+\.ring \(deleted\)$", re.MULTILINE)
_LONGEST = 16_384
"""Bytes of a command line: nobody reads more."""
_WITH_VALUE = ("-c", "-m", "-W", "-X", "--check-hash-based-pycs")


class Process(NamedTuple):
    """One process, and not another one that got its number later."""

    pid: int
    birth: int

    @property
    def lives(self) -> bool:
        """Whether it is there, and not only waiting to be reaped."""
        return self.birth != 0 and lives(self.pid, self.birth)


def process(pid: int) -> Process:
    """The process that has this number now."""
    return Process(pid, birth(pid))


def user(pid: int) -> int | None:
    """The number of its user; None when it is gone."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def state(pid: int) -> str:
    """As in /proc: R, S, D, Z; X when it is gone."""
    data = _read(pid, "stat")
    return data.rpartition(b")")[2].split()[0].decode() if data else "X"


def parent(pid: int) -> int:
    """The number of its parent; 0 when it is gone."""
    data = _read(pid, "stat")
    return int(data.rpartition(b")")[2].split()[1]) if data else 0


def arguments(pid: int) -> list[str]:
    """Its command line, or what it calls itself; harmless for a terminal."""
    line = _read(pid, "cmdline")[:_LONGEST]
    return [
        clean(x.decode(errors="replace")) for x in line.removesuffix(b"\0").split(b"\0") if line
    ]


def command(pid: int) -> str:
    """Its command line as one string."""
    return " ".join(arguments(pid))


def title(pid: int) -> str:
    """Its command line as somebody would type it: `uvicorn main:app`."""
    words = arguments(pid)
    if len(words) > 1 and _PYTHON.fullmatch(os.path.basename(words[0])) and "/" in words[1]:
        words = words[1:]
    return " ".join([os.path.basename(words[0]), *words[1:]]) if words else f"process {pid}"


def environment(pid: int) -> dict[str, str]:
    """The environment that it was started with; empty where that may not be read."""
    pairs = (x.decode(errors="replace").partition("=") for x in _read(pid, "environ").split(b"\0"))
    return {name: value for name, sep, value in pairs if sep}


def owner(pid: int) -> str:
    """The name of its user."""
    uid = user(pid)
    if uid is None:
        return "nobody"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def is_ours(pid: int) -> bool:
    """Whether we may look into it."""
    return os.access(f"/proc/{pid}/fd", os.R_OK | os.X_OK) and _readable_links(pid)


def _readable_links(pid: int) -> bool:
    try:
        os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return False
    return True


def executable(pid: int) -> str:
    """The program that it runs; "" where that may not be known."""
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return ""


def is_python(pid: int) -> bool:
    """Whether it is a Python, or a program with one inside."""
    if _PYTHON.fullmatch(os.path.basename(executable(pid))):
        return True
    return b"/libpython" in _read(pid, "maps")


def python_version(pid: int) -> str:
    """`3.12`, as far as its files tell; "" otherwise."""
    found = _VERSION.search(os.path.basename(executable(pid)))
    if found is None:
        found = _VERSION.search(_read(pid, "maps").decode(errors="replace"))
    return found[1] if found else ""


def lost_ring(pid: int) -> bool:
    """Whether it writes to a ring that somebody has deleted."""
    return _LOST_RING.search(_read(pid, "maps")) is not None


def other_namespace(pid: int) -> bool:
    """Whether it sees other files than we do: it runs in a container, say."""
    with contextlib.suppress(OSError):
        ours, its = os.stat("/proc/self/ns/mnt"), os.stat(f"/proc/{pid}/ns/mnt")
        if ours.st_ino != its.st_ino:
            return True
        return not os.path.samefile("/", f"/proc/{pid}/root")
    return False


def ignores_environment(pid: int) -> str:
    """The option by which a Python takes no start-up hook, as in `-I`; "" without one."""
    words = iter(arguments(pid)[1:])
    for word in words:
        if not word.startswith("-") or word in ("-c", "-m"):
            return ""
        if word in _WITH_VALUE:
            next(words, "")
        elif not word.startswith("--") and _NO_ENVIRONMENT.match(word):
            return word
    return ""


def supervisor(pid: int) -> int:
    """The highest of its parents that shares a listening socket with it; itself without one."""
    listening = {one.inode for one in all_listeners(pid)}
    top, mine = pid, inodes(pid) & listening
    while mine and (above := parent(top)) > 1 and mine & inodes(above):
        top = above
    return top


def check_exists(pid: int) -> None:
    """Looks whether a process can be watched at all.

    Raises:
        TargetError: it is gone, or somebody else's.
    """
    if not Path(f"/proc/{pid}").exists() or state(pid) in "ZX":
        raise TargetError(
            f"there is no process {pid}: `threadscope attach` lists the servers that it finds"
        )
    if is_ours(pid):
        return
    if os.geteuid() == 0:
        raise TargetError(
            f"process {pid} may not be looked into, even by root: it is protected, or in a"
            " container of another kind; run threadscope in there"
        )
    raise TargetError(
        f"process {pid} belongs to {owner(pid)}: run threadscope as that user, or as root"
    )


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""

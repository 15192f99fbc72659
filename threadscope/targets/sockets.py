"""What a server's processes listen on, and what waits there, from /proc.

The tables are those of all users, and a Unix socket's path is whatever somebody chose: line ends,
escape sequences, a line of the table itself. What does not read as a line is no socket.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from threadscope.model.text import clean

_LISTEN, _ESTABLISHED = "0A", "01"  # linux/tcp_states.h
_ACCEPTS = 0x10000  # linux/net.h, __SO_ACCEPTCON


class Listener(NamedTuple):
    """A listening socket."""

    inode: int
    host: str
    """"" for a Unix socket."""
    port: int
    """0 for a Unix socket."""
    path: str = ""

    @property
    def label(self) -> str:
        """`127.0.0.1:8000`, `unix:/run/app.sock`."""
        return f"{self.host}:{self.port}" if self.port else f"unix:{self.path}"


class _Tcp(NamedTuple):
    """A line of /proc/net/tcp."""

    host: str
    port: int
    state: str
    unread: int
    """Of a listening socket: connections that nobody accepted yet; else bytes."""
    inode: int


def inodes(pid: int) -> set[int]:
    """The sockets that a process holds; none where it may not be looked into."""
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                link = os.readlink(f"/proc/{pid}/fd/{name}")
                if link.startswith("socket:["):
                    found.add(int(link[8:-1]))
    return found


def listeners(pids: Iterable[int]) -> list[Listener]:
    """What these processes listen on: what most of them share first, then by port."""
    count: dict[Listener, int] = {}
    known: dict[int, Listener] = {}
    for pid in pids:
        mine = inodes(pid)
        if mine - known.keys():
            for one in all_listeners(pid):  # a path cannot pass for a socket that was there before
                known.setdefault(one.inode, one)
        for inode in mine & known.keys():
            count[known[inode]] = count.get(known[inode], 0) + 1
    return sorted(count, key=lambda one: (not one.port, -count[one], one.port))


def all_listeners(pid: int) -> list[Listener]:
    """All that anybody listens on in the process's network namespace."""
    tcp = [Listener(x.inode, x.host, x.port) for x in _tcp(pid) if x.state == _LISTEN]
    return tcp + list(_unix(pid))


def waiting(pid: int, ports: Iterable[int]) -> int:
    """Connections that nobody accepted yet, and those with bytes that nobody has read.

    Each is a request that waits, or will be one: this many at the least.
    """
    wanted = set(ports)
    count = 0
    for line in _tcp(pid):
        if line.port in wanted and line.unread:
            count += line.unread if line.state == _LISTEN else line.state == _ESTABLISHED
    return count


def base_url(found: Iterable[Listener]) -> str:
    """Where a client on this machine reaches the first of them; "" for Unix sockets only."""
    for one in found:
        if one.port:
            address = ipaddress.ip_address(one.host)
            if address.is_unspecified:
                return f"http://127.0.0.1:{one.port}"
            host = f"[{one.host}]" if address.version == 6 else one.host
            return f"http://{host}:{one.port}"
    return ""


def _tcp(pid: int) -> Iterator[_Tcp]:
    for name in ("tcp", "tcp6"):
        for line in _lines(pid, name):
            parts = line.split()
            address, _, port = parts[1].partition(b":")
            unread = int(parts[4].partition(b":")[2], 16)
            state = parts[3].decode()
            if state == _LISTEN or unread:  # of the others nothing is asked
                yield _Tcp(_host(address.decode()), int(port, 16), state, unread, int(parts[9]))


def _lines(pid: int, name: str) -> list[bytes]:
    """Of a table, without its head."""
    try:
        with open(f"/proc/{pid}/net/{name}", "rb") as file:
            return file.read().split(b"\n")[1:-1]
    except OSError:
        return []


def _host(hexadecimal: str) -> str:
    """Words of 32 bits in the machine's byte order."""
    words = [hexadecimal[i : i + 8] for i in range(0, len(hexadecimal), 8)]
    raw = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    return str(ipaddress.ip_address(raw))


def _unix(pid: int) -> Iterator[Listener]:
    for line in _lines(pid, "unix"):
        parts = line.split(maxsplit=7)
        with contextlib.suppress(ValueError, IndexError):  # the rest of somebody's path
            if int(parts[3], 16) & _ACCEPTS:
                path = parts[7].decode(errors="replace") if len(parts) > 7 else ""
                yield Listener(int(parts[6]), "", 0, clean(path, 200))

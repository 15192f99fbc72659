"""TCP ports of this machine: which are free, who has them, when a server answers."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Sequence

import psutil

from threadscope.model.text import clean

from .errors import TargetError
from .process import ServerProcess

_LOOK_S = 0.02
_LAST_LINES = 8


def free_port() -> int:
    """A port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def check_port(port: int) -> None:
    """Tries whether a server could listen on a port of the loopback interface.

    Raises:
        TargetError: it is taken, or not for us.
    """
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen(1)
        except OverflowError:
            raise TargetError(f"{port} is no port: choose one from 1024 to 65535") from None
        except OSError as error:
            hint = "choose another with --port, or leave it out"
            if error.errno == errno.EADDRINUSE:
                owner = who_listens(port) or "another program"
                raise TargetError(f"port {port} is taken by {owner}: {hint}") from None
            raise TargetError(f"port {port} cannot be used ({error.strerror}): {hint}") from None


def who_listens(port: int) -> str | None:
    """The owner of a listening port: `python (pid 123)`; None if nobody or not ours to know."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):  # macOS shows them to root only
        return None
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or connection.pid is None:
            continue
        if connection.laddr and connection.laddr.port == port:
            try:
                name = psutil.Process(connection.pid).name()
            except psutil.Error:
                continue
            return f"{clean(name, 40)} (pid {connection.pid})"
    return None


def wait_ready(host: str, port: int, process: ServerProcess, timeout: float) -> None:
    """Waits until a server takes connections; it never sends a request.

    Args:
        host: where it listens.
        port: likewise.
        process: the server; its end ends the waiting.
        timeout: seconds.

    Raises:
        TargetError: it ended first, or it does not listen in time.
    """
    end = time.monotonic() + timeout
    while (ended := process.poll()) is None:
        try:
            socket.create_connection((host, port), timeout=1.0).close()
            return
        except OSError:
            pass
        if time.monotonic() > end:
            printed = last_lines(process.output.lines(_LAST_LINES))
            raise TargetError(
                f"the server does not listen on {host}:{port} after {timeout:g} s:"
                f" is it another port?{printed}"
            )
        time.sleep(_LOOK_S)
    process.stop()  # so that all its output is there
    printed = last_lines(process.output.lines(_LAST_LINES))
    raise TargetError(f"the server {ended.sentence} before it listened{printed}")


def last_lines(printed: Sequence[str]) -> str:
    """What a server printed, as the end of a message; "" when that is nothing."""
    lines = [line for line in printed if line.strip()]
    return "; it printed:" + "".join(f"\n  {line}" for line in lines) if lines else ""

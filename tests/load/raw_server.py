"""Servers that say exactly what a test wants, right or wrong."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


class Raw:
    """What a raw server was asked.

    Attributes:
        url: where it is.
        asked: the requests' heads.
        connections: how many were made.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[bytes] = []
        self.connections = 0


@contextlib.contextmanager
def raw_server(answer: Callable[[socket.socket, int], bool]) -> Iterator[Raw]:
    """A server with a thread for each connection.

    Args:
        answer: is called for each request, with the connection and how many came on it before;
            tells whether to read another one. The connection is closed otherwise.
    """

    def talk(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client may leave first
            for number in range(1_000_000):
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    part = connection.recv(1)
                    if not part:
                        return
                    head += part
                raw.asked.append(head)
                if not answer(connection, number):
                    return

    def serve() -> None:
        with contextlib.suppress(OSError):  # the listener was shut down
            while True:
                connection, _ = listener.accept()
                raw.connections += 1
                connections.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        raw = Raw(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield raw
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()


def says(data: bytes, *, stay: bool = True) -> Callable[[socket.socket, int], bool]:
    """An answer that is always the same; the connection stays, or is closed after it."""

    def answer(connection: socket.socket, _: int) -> bool:
        connection.sendall(data)
        return stay

    return answer

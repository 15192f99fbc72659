"""With the probe a server answers as without it: the same bytes, the same errors, the same log."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.integration.command import eventually
from threadscope.probe import layout as L
from threadscope.rings.folder import probe_environment
from threadscope.rings.reader import RingReader
from threadscope.targets.ports import free_port

pytestmark = pytest.mark.integration
SERVED = Path(__file__).parent / "served"
SERVERS = {
    "uvicorn": "-m uvicorn counted:app --port {port}",
    "uvicorn, h11 and asyncio": "-m uvicorn counted:app --port {port} --http h11 --loop asyncio",
    "hypercorn": "-m hypercorn counted:app -b 127.0.0.1:{port}",
    "granian": "-m granian --interface asgi counted:app --port {port}",
    "gunicorn -k asgi": "-m gunicorn -k asgi counted:app -b 127.0.0.1:{port}",
}
ASKED = (
    "GET /echo/%C3%A4?q=2", "GET /echo/x?q=no", "GET /nowhere", "POST /def", "HEAD /async",
    "GET /async", "GET /thread", "GET /stream", "GET /background", "GET /background",
    "GET /boom", "GET /async",
)  # fmt: skip


class Served:
    """One server, with the probe or without it."""

    def __init__(self, folder: Path, words: str, probe: bool) -> None:
        self.port, self.folder, self.log = free_port(), folder, folder / "log"
        folder.mkdir()
        env = {**os.environ, "PYTHONPATH": str(SERVED)}
        env = probe_environment(folder, env) if probe else env
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words.format(port=self.port).split()], env=env, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        eventually(self._listens, what="it listens")

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def ask(self, line: str) -> bytes:
        """The whole answer; without what is never the same twice."""
        method, path = line.split(" ")
        raw = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
            sock.sendall(raw)
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        return re.sub(rb"(?im)^date:[^\r]*", b"date", answer)

    def leave_in_the_middle(self) -> None:
        """A client that goes while its answer comes."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
            sock.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            while len(sock.recv(4096)) < 100:
                pass

    def talk(self) -> list[str | bytes]:
        """What a WebSocket echoes."""
        with connect(f"ws://127.0.0.1:{self.port}/ws", open_timeout=10) as sock:
            said: list[str | bytes] = []
            for word in ("a", "b"):
                sock.send(word)
                said.append(sock.recv(10))
            if self.rings:
                eventually(lambda: self.websockets() == 1, what="the connection is counted")
        return said

    @property
    def rings(self) -> list[Path]:
        return list(self.folder.glob("server-*.ring"))

    def websockets(self) -> int:
        return sum(cell.websockets for reader in self._readers() for cell in reader.cells())

    def _readers(self):
        for path in self.rings:
            reader = RingReader(path)
            try:
                yield reader
            finally:
                reader.close()

    def assert_quiet(self) -> None:
        """All that came is over, and the probe met no error of its own."""
        eventually(lambda: not any(reader.open() for reader in self._readers()), what="all ended")
        eventually(lambda: self.websockets() == 0, what="the connection is gone")
        assert [reader.header()[L.W_ERRORS] for reader in self._readers()] == [0] * len(self.rings)

    def ended(self) -> int:
        return sum(cell.ended for reader in self._readers() for cell in reader.cells())

    def end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)


@pytest.mark.parametrize("words", SERVERS.values(), ids=SERVERS)
def test_a_server_answers_alike(tmp_path, words):
    pytest.importorskip(words.split()[1])
    without = Served(tmp_path / "without", words, probe=False)
    watched = Served(tmp_path / "watched", words, probe=True)
    try:
        for line in ASKED:
            assert watched.ask(line) == without.ask(line), line
        assert watched.talk() == without.talk() == ["<a>", "<b>"]
        for one in (watched, without):
            one.leave_in_the_middle()
            assert one.ask("GET /async").startswith(b"HTTP/1.1 200")
        told = [
            "RuntimeError: the app's own error" in x.log.read_text() for x in (watched, without)
        ]
        assert told in ([True, True], [False, False]), "gunicorn's own worker does not log it"
        assert told[0] or "gunicorn" in words
        watched.assert_quiet()
        assert watched.ended() == len(ASKED) + 2
        assert not without.rings
    finally:
        without.end()
        watched.end()
    assert watched.process.returncode == without.process.returncode

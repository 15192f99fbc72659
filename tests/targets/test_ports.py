from __future__ import annotations

import os
import socket
import sys

import pytest

from threadscope.targets.errors import TargetError
from threadscope.targets.ports import check_port, free_port, wait_ready, who_listens
from threadscope.targets.process import ServerProcess

LISTENS = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
connection, _ = server.accept()
print("got", connection.recv(100), flush=True)
server.accept()
"""


def python(code: str, *arguments: object) -> ServerProcess:
    return ServerProcess([sys.executable, "-c", code, *map(str, arguments)], os.environ)


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_can_be_used():
    port = free_port()
    check_port(port)
    assert who_listens(port) is None


def test_a_taken_port_says_by_whom(taken):
    owner = who_listens(taken)
    assert owner is not None
    assert owner.endswith(f"(pid {os.getpid()})")
    with pytest.raises(TargetError) as info:
        check_port(taken)
    assert str(info.value) == (
        f"port {taken} is taken by {owner}: choose another with --port, or leave it out"
    )


def test_a_port_that_was_used_a_moment_ago_is_free():
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    served, _ = server.accept()
    served.close()  # the server's side closes first: TIME_WAIT
    client.close()
    server.close()
    check_port(port)


def test_a_number_that_is_no_port():
    with pytest.raises(TargetError, match="70000 is no port"):
        check_port(70000)


def test_ready_means_a_connection_and_never_a_request():
    port = free_port()
    with python(LISTENS, port) as server:
        wait_ready("127.0.0.1", port, server, 20)
        while not (lines := server.output.lines(1)):
            assert server.poll() is None
        assert lines == ("got b''",)


def test_a_server_that_ends_first_is_quoted():
    code = "print('first'); print('no such \\x1b[31mtable'); raise SystemExit(7)"
    with python(code) as server, pytest.raises(TargetError) as info:
        wait_ready("127.0.0.1", free_port(), server, 20)
    assert str(info.value) == (
        "the server exited with status 7 before it listened; it printed:\n  first\n  no such table"
    )


def test_a_server_that_listens_elsewhere():
    port = free_port()
    with python("import time; time.sleep(600)") as server, pytest.raises(TargetError) as info:
        wait_ready("127.0.0.1", port, server, 0.2)
    assert str(info.value) == (
        f"the server does not listen on 127.0.0.1:{port} after 0.2 s: is it another port?"
    )

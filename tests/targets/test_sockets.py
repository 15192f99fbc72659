"""What processes listen on, and what waits there: with real sockets."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from threadscope.targets.sockets import Listener, base_url, inodes, listeners, waiting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
ME = os.getpid()


@pytest.fixture
def listening():
    """A socket that listens and accepts nobody."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server):
    return server.getsockname()[1]


def mine(port):
    return [one for one in listeners([ME]) if one.port == port]


def test_a_listener_is_found_with_its_address(listening):
    [found] = mine(port_of(listening))
    assert (found.host, found.port) == ("127.0.0.1", port_of(listening))
    assert found.inode in inodes(ME)
    assert found.label == f"127.0.0.1:{port_of(listening)}"


def test_a_process_that_is_gone_listens_on_nothing():
    assert listeners([1 << 22]) == []


def test_a_unix_socket_is_one_too_and_comes_last(tmp_path, listening):
    with socket.socket(socket.AF_UNIX) as server:
        path = str(tmp_path / "app.sock")
        server.bind(path)
        server.listen()
        found = listeners([ME])
    assert found[-1].label == f"unix:{path}"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("192.0.2.7", "http://192.0.2.7:80"),
    ],
)
def test_the_address_for_a_client_on_this_machine(host, url):
    assert base_url([Listener(1, host, 80)]) == url


def test_without_a_port_there_is_no_address():
    assert base_url([Listener(1, "", 0, "/run/app.sock")]) == ""
    assert base_url([]) == ""


def test_ipv6(tmp_path):
    with socket.socket(socket.AF_INET6) as server:
        try:
            server.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        server.listen()
        [found] = mine(port_of(server))
    assert found.host == "::1"


def test_what_nobody_accepted_and_what_nobody_read_waits(listening):
    port = port_of(listening)
    assert waiting(ME, [port]) == 0
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    try:
        assert waiting(ME, [port]) == 3, "not accepted"
        served = [listening.accept()[0] for _ in clients]
        assert waiting(ME, [port]) == 0, "they say nothing"
        for client in clients[:2]:
            client.sendall(b"GET / HTTP/1.1\r\n")
        assert waiting(ME, [port]) == 2, "not read"
        for one in served[:2]:
            one.recv(100)
        assert waiting(ME, [port]) == 0
    finally:
        for one in (*clients, *served):
            one.close()


def test_other_ports_do_not_count(listening):
    with socket.create_connection(("127.0.0.1", port_of(listening))):
        assert waiting(ME, [1]) == 0

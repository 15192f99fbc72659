"""Ring files in use that are deleted, overwritten, cut short, or of another version."""

from __future__ import annotations

import os
import random
import shutil
import signal

import pytest

from tests.faults.watched import SLEEPING
from tests.integration.running import Clients
from threadscope.probe import layout as L

pytestmark = pytest.mark.integration


def test_the_folder_of_the_rings_is_deleted(watch):
    run = watch("--no-tui")
    run.wait_for("-- 00:")
    run.ask(times=3)
    shutil.rmtree(run.ring.parent)
    run.ask(times=4)
    run.wait_for_all()
    run.signal(signal.SIGINT)
    assert (run.status(), run.counted) == (130, 7)


def test_noise_in_the_ring_of_a_running_server_harms_neither_it_nor_the_monitor(watch):
    run = watch("--no-tui")
    run.wait_for("-- 00:")
    with Clients(run.port, "/def", 2) as clients:
        clients.more()
        path = run.ring
        size = path.stat().st_size
        for data in (b"\xff" * size, random.Random(7).randbytes(size)):
            with path.open("r+b") as file:
                file.write(data)
            clients.more(30)
        run.wait_for("-- 00:", run.out.text.count("-- 00:") + 2)
    assert set(clients.statuses) == {200}
    assert run.counted == len(clients.statuses)
    run.signal(signal.SIGINT)
    assert run.status() == 130
    assert "\x1b" not in run.out.text


def test_who_cuts_a_ring_short_under_a_server_ends_it_and_that_is_said(watch):
    """A mapped file must not shrink: only its owner can do that, and nobody of ours does."""
    run = watch("--no-tui")
    run.wait_for("-- 00:")
    os.truncate(run.ring, 0)
    assert run.status() == 128 + signal.SIGBUS
    assert "Error: the server was killed by SIGBUS" in run.err.text


def test_a_ring_of_a_newer_version_is_named_and_the_server_serves_on(serve, threadscope_, tmp_path):
    server = serve(**SLEEPING)
    with Clients(server.port, "/def", 1) as clients:
        clients.more()
        [path] = tmp_path.glob(f"threadscope/run-*/server-{server.pid}-*.ring")
        with path.open("r+b") as file:
            file.seek(L.W_VERSION * L.WORD)
            file.write((L.VERSION + 1).to_bytes(8, "little"))
        dumped = threadscope_("dump", server.pid)
        assert dumped.status() == 0
        clients.more()
    told = f"has version {L.VERSION + 1}, this threadscope reads {L.VERSION}: use the same"
    assert told in dumped.out.text
    assert dumped.err.text == ""
    assert set(clients.statuses) == {200}

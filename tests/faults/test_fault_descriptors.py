"""No descriptors left: ours, or the server's."""

from __future__ import annotations

import resource
import signal
import sys

import pytest

from tests.faults.watched import SLEEPING, assert_no_negative, done, last_status
from tests.integration.command import eventually
from tests.integration.running import Clients

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's"),
]
NO_FILES = "threads are not seen: the monitor may open no more files; raise `ulimit -n`"


def allow(pid, files):
    """How many files a process may open from now on; those that it has stay open."""
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (files, hard))


def test_a_monitor_without_descriptors_says_so_and_sees_on(serve, threadscope_):
    """It must not take what it cannot look at for a server that has ended."""
    server = serve(**SLEEPING)
    watching = threadscope_("attach", server.pid, "--no-tui")
    with Clients(server.port, "/def", 2) as clients:
        watching.wait_for(" cores ")
        before = resource.prlimit(watching.process.pid, resource.RLIMIT_NOFILE)[0]
        allow(watching.process.pid, 5)
        eventually(lambda: f"limited: {NO_FILES}" in last_status(watching))
        seen = done(watching)
        eventually(lambda: done(watching) > seen + 20, what="requests are seen all the same")
        allow(watching.process.pid, before)
        eventually(lambda: "limited" not in last_status(watching), what="it recovers")
        eventually(lambda: " cores " in last_status(watching), what="threads are seen again")
        clients.more()
    assert set(clients.statuses) == {200}
    watching.signal(signal.SIGINT)
    assert watching.status() == 130
    assert watching.err.text == ""
    assert_no_negative(watching)


def test_a_server_without_descriptors_is_told_by_what_its_clients_got(watch):
    run = watch("--json", "--url", "/def", "-c", "60", "-z", "1s", before="ulimit -n 40")
    assert run.status() == 0
    [phase] = run.document["phases"]
    assert phase["requests"]["failed"] > 0
    assert phase["requests"]["completed"] == run.counted > 0, "who reached it was answered"
    assert phase["server"]["requests_completed"] >= run.counted
    assert "errors" in [finding["lint"] for finding in phase["findings"]]

from __future__ import annotations

import json
import queue
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from threadscope.load.control import LoadProcess
from threadscope.load.messages import Died, Result, State
from threadscope.probe import layout as L

HERE = Path(__file__).parent
PATIENCE_S = 30.0
"""How long a test waits for what must come; never how long it should take."""


class Server:
    """A uvicorn that runs `bare_app`."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def seen(self):
        """The requests since the last call, oldest first."""
        with urllib.request.urlopen(f"{self.url}/seen", timeout=PATIENCE_S) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def _uvicorn():
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        # The socket is ours and listens already: no port to guess, no readiness to wait for.
        command = [sys.executable, "-m", "uvicorn", "bare_app:app", "--app-dir", str(HERE)]
        options = ["--fd", str(listener.fileno()), "--no-access-log", "--log-level", "error"]
        with subprocess.Popen(command + options, pass_fds=[listener.fileno()]) as process:
            yield Server(listener.getsockname()[1])
            process.kill()


@pytest.fixture
def server(_uvicorn):
    _uvicorn.seen()
    return _uvicorn


class Load(LoadProcess):
    """A load process whose events are kept for the test."""

    def __init__(self, folder):
        super().__init__(folder, self._keep)
        self.folder = folder
        self.events = []
        self._queue = queue.Queue()

    def _keep(self, event):
        self.events.append(event)
        self._queue.put(event)

    def wait_for(self, kind, state=None):
        """The next event of this kind (and state); a death that nobody waits for is a failure."""
        while True:
            event = self._queue.get(timeout=PATIENCE_S)
            if isinstance(event, kind) and (state is None or event.state is state):
                return event
            assert not isinstance(event, Died), event

    def run(self, plan) -> Result:
        """The result of one phase."""
        self.begin(plan)
        return self.wait_for(Result)

    def states(self):
        return [event.state for event in self.events if isinstance(event, State)]

    def records(self):
        """Every record of the process's ring, in their order, read as a stranger would."""
        paths = list(self.folder.glob("load-*.ring"))
        if not paths:  # it is still starting
            return []
        data = paths[0].read_bytes()
        offset, size, count = struct.unpack_from("=3Q", data, 8 * (L.W_SECTIONS + 3 * L.S_RECORDS))
        found = [L.RECORD.unpack_from(data, offset + i * size) for i in range(count)]
        return sorted(record for record in found if record[0] and record[0] == record[-1])

    def wait_until(self, condition):
        """Asks the ring until it holds."""
        end = time.monotonic() + PATIENCE_S
        while not condition(self.records()):
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.02)


@pytest.fixture
def new_load(tmp_path):
    """Makes load processes that are not started yet, and closes them."""
    made = []

    def make(folder=tmp_path):
        made.append(Load(folder))
        return made[-1]

    yield make
    for process in made:
        process.close()


@pytest.fixture
def load(new_load):
    process = new_load()
    process.start()
    return process

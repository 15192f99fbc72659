from __future__ import annotations

import pytest

from tests.faults.watched import Watched
from tests.integration.command import Command
from tests.integration.running import Running


@pytest.fixture
def watch(tmp_path):
    """Starts `threadscope run ... -- SERVER`; whatever a test does to it, nothing of it is left."""
    started = []

    def start(*options, **more):
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir(mode=0o700)
        started.append(Watched(folder, *options, **more))
        return started[-1]

    yield start
    try:
        for one in started:
            assert "Traceback" not in one.out.text + one.err.text
            if one.process.poll() is not None:
                one.assert_nothing_left()
    finally:
        for one in started:
            one.end()


@pytest.fixture
def serve(tmp_path):
    """Starts a server by itself; it ends with the test."""
    started = []

    def serve(*arguments, **options):
        started.append(Running(tmp_path, *arguments, **options))
        return started[-1]

    yield serve
    for one in started:
        one.end()


@pytest.fixture
def threadscope_(tmp_path):
    """Runs `threadscope ...` in the runtime folder of `serve`."""
    started = []

    def run(*arguments, **more):
        started.append(Command(tmp_path, *map(str, arguments), **more))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        for stream in (one.process.stdout, one.process.stderr):
            if stream:
                stream.close()

"""Fixtures: a server that runs by itself, and `threadscope` beside it."""

from __future__ import annotations

import pytest

from tests.integration.command import Command
from tests.integration.running import Running


@pytest.fixture
def serve(tmp_path):
    """Starts a server; it ends with the test."""
    started = []

    def serve(*arguments, **options):
        started.append(Running(tmp_path, *arguments, **options))
        return started[-1]

    yield serve
    for one in started:
        one.end()


@pytest.fixture
def threadscope_(tmp_path):
    """Runs `threadscope ...` in the server's runtime folder."""
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

from __future__ import annotations

import pytest

from tests.integration.attaching import serve, threadscope_
from tests.integration.command import SIZE, WORK, Command

__all__ = ["demo", "screen", "serve", "threadscope_"]


@pytest.fixture
def demo(tmp_path):
    """Starts `threadscope demo cpu ...`; whatever a test does to it, nothing of it may be left."""
    started = []

    def start(*arguments: str, **more) -> Command:
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir(mode=0o700)
        started.append(Command(folder, "demo", "cpu", *arguments, **more))
        return started[-1]

    yield start
    try:
        for command in started:
            if command.process.poll() is not None:
                command.assert_nothing_left()
    finally:
        for command in started:
            command.end()


@pytest.fixture
def screen(demo):
    """The same on a terminal, with little work a request."""

    def start(*arguments: str, **more):
        return demo("--work", WORK, *arguments, terminal=SIZE, **more)

    return start

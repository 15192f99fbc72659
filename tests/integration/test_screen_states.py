"""The screen in odd states of a real terminal: stopped, resized, without UTF-8."""

from __future__ import annotations

import fcntl
import re
import signal
import struct
import termios
import time
from functools import partial

import psutil
import pytest

from tests.integration.command import eventually

pytestmark = pytest.mark.integration

GAP_S = 2.2
"""A little more than what is called a gap."""


@pytest.fixture
def shown(screen):
    return partial(screen, "--mode", "def")


def resize(run, lines: int, columns: int) -> None:
    fcntl.ioctl(run.master, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))
    run.signal(signal.SIGWINCH)


def test_ctrl_z_gives_the_terminal_back_and_afterwards_the_gap_is_said(shown):
    run = shown()
    run.wait_for("CONCURRENT")
    run.press("\x1a")
    monitor = psutil.Process(run.process.pid)
    eventually(lambda: monitor.status() == psutil.STATUS_STOPPED)
    eventually(lambda: run.out.text.endswith("\x1b[?1004l"), what="the last that it writes")
    run.assert_terminal_usable()
    stopped, served = time.monotonic(), run.served()
    eventually(lambda: run.served() > served, what="the server goes on")
    eventually(lambda: time.monotonic() > stopped + GAP_S)
    run.signal(signal.SIGCONT)
    run.wait_for("no data for")
    run.wait_for("threadscope did not run")
    assert run.out.text.count("\x1b[?1049h") == 2, "it has the terminal again"
    run.press("q")
    assert run.status() == 0
    run.assert_terminal_usable()
    assert "Traceback" not in run.out.plain
    assert not re.search(r"(?:flight|open|done|failed|queued) +-\d", run.out.plain)


def test_a_terminal_that_is_resized_again_and_again(shown):
    run = shown()
    run.wait_for("CONCURRENT")
    for lines, columns in [(15, 60), (9, 40), (50, 200), (1, 1), (24, 80), (14, 59), (36, 120)] * 3:
        resize(run, lines, columns)
    resize(run, 10, 50)
    run.wait_for("too small")
    said = run.out.plain.count("worker-01")
    resize(run, 24, 80)
    eventually(lambda: run.out.plain.count("worker-01") > said, what="it is drawn again")
    run.press("q")
    assert run.status() == 0
    run.assert_terminal_usable()
    assert "Traceback" not in run.out.plain


def test_a_terminal_without_utf_8_is_drawn_in_ascii(shown):
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None}
    run = shown(env=old)
    run.wait_for("CONCURRENT")
    run.wait_for("height = CPU   colour = request   : held")
    run.press("?")
    run.wait_for("closes this")
    run.press("?q")
    assert run.status() == 0
    assert run.out.text.isascii()
    assert not re.search(r"\\(?:u[0-9a-f]{4}|x[0-9a-f]{2})", run.out.plain), "nothing is escaped"
    assert "Traceback" not in run.out.plain
    run.assert_terminal_usable()

"""The screen in a real terminal: what it leaves behind, however it ends."""

from __future__ import annotations

import os
import signal
import termios

import pytest

from tests.integration.command import ESCAPES, eventually

pytestmark = pytest.mark.integration


def after_the_screen(run) -> str:
    """What stays on the normal screen."""
    return ESCAPES.sub("", run.out.text.rpartition("\x1b[?1049l")[2]).replace("\r\n", "\n")


def test_ctrl_c_in_the_middle_of_the_tour_prints_what_there_is(screen):
    run = screen()
    run.wait_for("SEQUENTIAL")
    assert not termios.tcgetattr(run.master)[3] & termios.ECHO  # the screen reads keys
    eventually(lambda: run.served() > 0)  # no more: on a busy host the next variant would come
    run.press("\x03")
    assert run.status() == 0
    run.assert_terminal_usable()
    closing = after_the_screen(run)
    assert closing.strip().startswith("async def /cpu/async/{client}")
    assert "Traceback" not in closing


def test_the_tour_ends_in_a_card_goes_on_live_and_leaves_the_comparison(screen):
    run = screen("-z", "1500ms")
    run.wait_for("CONCURRENT")
    eventually(lambda: "requests a second" in run.out.plain)  # the card
    served = run.served()
    eventually(lambda: run.served() > served + 4)  # goes on live
    run.press("q")  # over the card as anywhere
    assert run.status() == 0
    run.assert_terminal_usable()
    closing = after_the_screen(run)
    assert ["async", "def"] in [line.split() for line in closing.splitlines()]
    assert "ended early" not in closing


def test_keys_in_one_burst_open_the_help_close_it_and_quit(screen):
    run = screen("--mode", "def")
    run.wait_for("CONCURRENT")
    run.press("? ?")  # open, closed, open
    run.wait_for("closes this")
    run.press(" ?q")
    assert run.status() == 0
    run.assert_terminal_usable()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(screen, number):
    run = screen()
    run.wait_for("SEQUENTIAL")
    run.signal(number)
    assert run.status() == 128 + number
    run.assert_terminal_usable()
    assert "Traceback" not in after_the_screen(run)


def test_a_signal_while_the_screen_comes_up(screen):
    run = screen()
    eventually(lambda: "\x1b[?1049h" in run.out.text)
    run.signal(signal.SIGTERM)
    assert run.status() == 143
    run.assert_terminal_usable()
    assert "Traceback" not in after_the_screen(run)


def test_a_terminal_that_is_closed_ends_everything(screen):
    run = screen()
    run.wait_for("SEQUENTIAL")
    os.close(run.master)  # the kernel sends SIGHUP
    assert run.status() == 129
    run.assert_nothing_left()


def test_killed_for_good_it_leaves_no_process(screen):
    run = screen()
    run.wait_for("SEQUENTIAL")
    run.signal(signal.SIGKILL)
    assert run.status() == -signal.SIGKILL
    run.assert_nothing_left()


def test_the_server_dies_and_the_screen_stays(screen):
    run = screen("--mode", "def")
    run.wait_for("CONCURRENT")
    load = run.pid_of("load.generator")
    os.kill(run.pid_of("uvicorn"), signal.SIGKILL)
    run.wait_for("SERVER ENDED")
    run.wait_for("killed by SIGKILL")
    assert run.process.poll() is None
    run.press("a")
    run.wait_for("nothing to steer any more")
    run.press("q")
    assert run.status() == 1
    assert load not in run.family()
    run.assert_terminal_usable()
    assert "Error: the server was killed by SIGKILL" in after_the_screen(run)


def test_the_load_dies_and_the_screen_stays(screen):
    run = screen("--mode", "def")
    run.wait_for("CONCURRENT")
    os.kill(run.pid_of("load.generator"), signal.SIGKILL)
    run.wait_for("limited: the load process was killed by SIGKILL")
    run.press("q")
    assert run.status() == 1
    assert "Error: the load process was killed by SIGKILL" in after_the_screen(run)


def test_a_terminal_that_cannot_show_it_gets_lines(screen):
    run = screen("-n", "2", "--mode", "async", env={"TERM": "dumb"})
    assert run.status() == 0
    first, second, *_ = run.out.text.splitlines()
    assert first == "This terminal (TERM=dumb) cannot show the screen: plain lines instead."
    assert second == "== async def /cpu/async/{client}: 4 clients"
    assert "\x1b" not in run.out.text


def test_without_colours_and_without_a_language(screen):
    run = screen("--mode", "def", env={"NO_COLOR": "1", "LC_ALL": "C", "LANG": "C"})
    run.wait_for("CONCURRENT")
    run.press("q")
    assert run.status() == 0
    run.assert_terminal_usable()
    closing = after_the_screen(run)
    assert "async def" not in closing
    assert "def /cpu/def/{client}" in closing
    assert "Traceback" not in closing

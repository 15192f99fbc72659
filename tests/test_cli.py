"""The command line, as the shell sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import threadscope
from threadscope.targets.demo_list import DEMOS

HELP = """\
Usage: threadscope [OPTIONS] COMMAND [ARGS]...

  Shows live what the threads of a Python ASGI server do with its requests.

  Start here: threadscope demo cpu

Options:
  -V, --version  Show the version and exit.
  -h, --help     Show this message and exit.

Commands:
  attach   Watch a server that runs already.
  check    Check a server: exit with 1 when something is wrong with it.
  compare  Measure demos' variants against each other, in rounds.
  demo     Run a demo server under load and watch it.
  doctor   Say what this machine allows, and what to do about it.
  dump     Show a running server once: its threads, and what they do.
  explain  Explain a finding: what it means, why it happens, how to fix...
  export   Make a picture, a page, a film or a trace of a recorded file.
  load     Load any HTTP server and report, as hey, oha and wrk do.
  replay   Show a saved session in the same screen, with its own clock.
  report   Compute the report of a saved session again.
  run      Run a server by any COMMAND and watch it.
"""

HELP_DEMO = """\
Usage: threadscope demo [OPTIONS] [NAME]

  Run a demo server under load and watch it.

  Without a NAME, lists the demos.

Options:
  --mode VARIANT            Which endpoint to ask, as in async or def; tour:
                            one after the other.  [default: tour]
  -c, --concurrency NUMBER  Clients, each of which asks again when it was
                            answered  [default: the demo's]
  -z, --duration TIME       Length of each measurement, as in 500ms, 5s or 2m
                            [default: 10s]
  -q, --rate NUMBER         Requests per second of all clients together, on a
                            schedule, however slow the answers are.
  -n, --requests NUMBER     End each measurement after so many requests.
  -t, --timeout TIME        Longest wait for an answer.  [default: 30s]
  --work NUMBER             Work of a request, in the demo's unit  [default:
                            the demo's; cpu: some 300 ms]
  --workers NUMBER          Server processes  [default: 1; demo workers: one a
                            core]
  --port NUMBER             Port of the server on 127.0.0.1  [default: a free
                            one]
  --record FILE             Record the screen as a screencast (.cast).
  --cast-version [2|3]      Version of the asciicast format; every player
                            reads 2.  [default: 2]
  --screenshot FILE         Save the last picture, as SVG.
  --size COLUMNSxROWS       Size of the recorded screen; it then runs without
                            a terminal  [default: 120x36]
  --save FILE               Keep what is observed, for `threadscope replay`
                            and `report` (.tscope).
  --no-tui                  Plain lines instead of the screen.
  --json                    Only a JSON report on standard output.
  -W, --warn NAME           Let this lint warn, if it only informs; `all` for
                            all of them.
  -A, --allow NAME          Say nothing of this lint; `all` for all but those
                            of -W.
  --set NAME=VALUE          Threshold of a lint, as in loop-blocked=50ms.
  -h, --help                Show this message and exit.

  A NUMBER takes k and m: 10k is 10,000, 1m a million. A TIME takes ms, s, m
  or h.

  Examples:
    threadscope demo cpu                          a tour: async def, then def
    threadscope demo cpu --mode def -c 8          eight clients, until you quit
    threadscope demo cpu --no-tui -z 5s           the same as plain lines
    threadscope demo cpu --json -z 5s > cpu.json  a report for programs
    threadscope demo cpu --save cpu.tscope        to look at it again later
    threadscope demo cpu --record cpu.cast        a screencast, in CI too
"""

LIST = [f"{name:<10} {demo.summary}" for name, demo in DEMOS.items()]

HEAVY = ("textual", "rich", "fastapi", "uvicorn", "aiohttp", "uvloop", "psutil", "asyncio")


def threadscope_(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-m", "threadscope", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=env, timeout=30, check=False, **more
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["--help"], HELP), (["-h"], HELP), (["demo", "--help"], HELP_DEMO)],
)
def test_help(arguments, text):
    done = threadscope_(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == text
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_loads_nothing_heavy():
    code = """
import sys
from threadscope.cli import main
try:
    main(["demo", "--help"], prog_name="threadscope")
except SystemExit:
    print("loaded:", *sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.rpartition("loaded:")[2].split()}
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_version():
    done = threadscope_("--version")
    assert done.returncode == 0
    assert done.stdout == f"threadscope, version {threadscope.__version__}\n"


def test_without_a_name_it_lists_the_demos():
    done = threadscope_("demo")
    assert done.returncode == 0
    assert done.stdout.splitlines() == LIST
    assert max(map(len, LIST)) <= 100
    assert LIST[0] == "cpu        a busy loop of about 300 ms, in async def and in def"
    assert len(LIST) >= 9


def test_an_unknown_demo():
    done = threadscope_("demo", "gpu")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "Error: there is no demo 'gpu'. The demos are:",
        *(f"  {line}" for line in LIST),
    ]


SHORT = " (10k is 10,000, 1m a million)"
NO_TIME = " is not a time: a number with ms, s, m or h behind it, as in 500ms, 5s or 2m, up to 24h"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-c", "0"], "'0' is not a whole number from 1 to 10,000" + SHORT),
        (["-c", "four"], "'four' is not a whole number from 1 to 10,000" + SHORT),
        (["-c", "-3"], "'-3' is not a whole number from 1 to 10,000" + SHORT),
        (["-c", "11k"], "'11k' is not a whole number from 1 to 10,000" + SHORT),
        (["-c", "²"], "'²' is not a whole number from 1 to 10,000" + SHORT),
        (["-n", "0"], "'0' is not a whole number from 1 to 1,000,000,000" + SHORT),
        (["-n", "9" * 5000], "is not a whole number from 1 to 1,000,000,000" + SHORT),
        (["--work", "0"], "'0' is not a whole number from 1 to 1,000,000,000,000" + SHORT),
        (["--port", "99999"], "'99999' is not a whole number from 1 to 65,535" + SHORT),
        (["-z", "soon"], "'soon'" + NO_TIME),
        (["-z", "0s"], "'0s'" + NO_TIME),
        (["-z", "25h"], "'25h'" + NO_TIME),
        (["-t", "-1"], "'-1'" + NO_TIME),
        (["--mode", "x"], "'x' is not one of tour, async, def"),
        (["--workers", "0"], "'0' is not a whole number from 1 to 64" + SHORT),
    ],
)
def test_what_cannot_be_understood_says_what_is_accepted(arguments, says):
    done = threadscope_("demo", "cpu", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [error] = done.stderr.splitlines()
    assert error.startswith("Error: Invalid value for ")
    assert error.endswith(says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["hello", "--work", "3"], "a request of demo hello does no work"),
        (["io", "-z", "3s"], "demo io measures whole bursts: -c is their size"),
        (["blocking", "--mode", "async"], "'async' is not one of tour, await, def, mistake"),
    ],
)
def test_what_one_demo_takes_and_another_does_not(arguments, says):
    done = threadscope_("demo", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [error] = done.stderr.splitlines()
    assert error.startswith("Error: Invalid value for ")
    assert error.endswith(says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Error: name some demos, or say --all: threadscope demo lists them"),
        (["hello", "--all"], "Error: name some demos, or say --all: threadscope demo lists them"),
        (["gpu"], "Error: there is no demo 'gpu'. The demos are:"),
        (["hello", "gpu"], "Error: there is no demo 'gpu'. The demos are:"),
        (["hello", "--rounds", "0"],
         "Error: Invalid value for '--rounds': '0' is not a whole number from 1 to 100" + SHORT),
        (["hello", "--json", "--markdown"], "Error: --markdown or --json: one of them"),
    ],
)  # fmt: skip
def test_compare_says_what_is_wrong_before_anything_starts(arguments, says):
    done = threadscope_("compare", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == says


def test_the_help_of_compare_fits_and_names_its_options():
    done = threadscope_("compare", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    for option in ("--all", "--rounds", "-z", "-n", "-c", "-t", "--markdown", "--json"):
        assert f" {option}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["demos"], "Error: No such command 'demos'.", "hint: threadscope --help"),
        (["--quiet"], "Error: No such option '--quiet'.", "hint: threadscope --help"),
        (["demo", "cpu", "--fast", "3"], "Error: No such option '--fast'.",
         "hint: threadscope demo --help"),
        (["demo", "cpu", "x"], "Error: Got unexpected extra argument",
         "hint: threadscope demo --help"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_one_line_and_a_hint(arguments, error, hint):
    done = threadscope_(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    said, where = done.stderr.splitlines()
    assert said.startswith(error)
    assert where == hint


def test_an_option_without_its_value():
    done = threadscope_("demo", "cpu", "-c")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: Option '-c' requires an argument.\n"


def test_without_a_command_there_is_help():
    done = threadscope_()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == HELP


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["demo"],
        pytest.param(["demo", "cpu", "--json"], marks=pytest.mark.integration),
        pytest.param(["demo", "cpu", "--no-tui"], marks=pytest.mark.integration),
    ],
)
def test_a_full_disk_is_one_line(arguments, tmp_path):
    options = ["-n", "2", "--work", "1"] if "cpu" in arguments else []
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "threadscope", *arguments, *options],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write to standard output: no space left on device\n"
    assert list(tmp_path.glob("threadscope/*")) == []

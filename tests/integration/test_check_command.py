"""`threadscope check` on a small service with one bad endpoint, and after the fix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from threadscope.recording_report import saved_report
from threadscope.targets.ports import free_port

pytestmark = pytest.mark.integration
HERE = Path(__file__).parent


def check(*options, fixed=False, command=None):
    """Runs a check to its end."""
    port = free_port()
    server = command or [
        sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "checked_app:app",
        "--port", str(port), "--no-access-log",
    ]  # fmt: skip
    env = {**os.environ, **({"CHECKED_FIXED": "1"} if fixed else {})}
    return subprocess.run(
        [sys.executable, "-m", "threadscope", "check", "-z", "2s", *options, "--", *server],
        capture_output=True, text=True, env=env, timeout=60, check=False,
    )  # fmt: skip


BOTH = ("--url", "/", "--url", "/report", "-A", "core-starved")


def test_a_bad_endpoint_fails_the_check_and_is_named():
    done = check(*BOTH)
    assert done.returncode == 1, done.stderr
    assert "failed: blocking-call-in-async: `async def report` (GET /report)" in done.stdout
    app = (HERE / "checked_app.py").read_text().splitlines()
    line = next(n for n, text in enumerate(app, 1) if "the mistake" in text)
    assert f"checked_app.py:{line} in report()" in done.stdout
    assert "threadscope explain blocking-call-in-async" in done.stdout
    assert "loop-blocked:" not in done.stdout


def test_after_the_fix_it_passes():
    done = check(*BOTH, fixed=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "passed"


def test_the_document_has_the_verdict_and_the_findings():
    done = check("--url", "/report", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["passed"]) == (1, False)
    (phase,) = report["phases"]
    finding = next(x for x in phase["findings"] if x["lint"] == "blocking-call-in-async")
    assert finding["evidence"]["endpoint"] == "report"
    assert finding["count"] >= 3
    holder = phase["server"]["held_the_loop"][0]
    assert (holder["endpoint"], holder["waited_max"]) == ("report", 3)


def test_what_was_observed_can_be_saved(tmp_path):
    path = tmp_path / "bad.tscope"
    done = check("--url", "/report", "--json", "--save", str(path))
    live, (saved, trouble) = json.loads(done.stdout), saved_report(path, "json")
    assert (done.returncode, trouble) == (1, "")
    [phase] = json.loads(saved)["phases"]
    assert phase["findings"] == live["phases"][0]["findings"]
    refused = check("--save", str(tmp_path / "no" / "such.tscope"), command=["true"])
    assert refused.returncode == 2
    assert "such.tscope" in refused.stderr


def test_limits_fail_it_where_no_finding_does():
    quiet = ("--fail-on", "never", "--url", "/report")
    assert check(*quiet).returncode == 0
    done = check(*quiet, "--max-loop-hold", "50ms", "--max-p99", "100ms")
    assert done.returncode == 1
    assert "failed: --max-loop-hold: GET /report held the event loop for 3" in done.stdout
    assert "failed: --max-p99: the longest of " in done.stdout


def test_a_server_that_does_not_start_cannot_be_checked():
    done = check(command=[sys.executable, "-c", "raise SystemExit('no database')"])
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert "no database" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--attach", "1", "--", "true"]])
def test_it_needs_a_command_or_a_server(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "threadscope", "check", *arguments],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "say what to check" in done.stderr

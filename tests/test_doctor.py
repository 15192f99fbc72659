from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from threadscope import doctor
from threadscope.probe import compiled


def test_everything_is_looked_at_and_nothing_fails():
    found = {finding.name: finding for finding in doctor.examine()}
    expected = {"system", "python", "probe", "schedstat", "ring folder", "ptrace", "py-spy"}
    assert expected | {"terminal"} <= set(found)
    assert all(finding.said for finding in found.values())


@pytest.mark.parametrize("path", ["/proc", "/dev/shm"])
def test_the_type_of_a_file_system(path):
    if not os.path.ismount(path):
        pytest.skip(f"{path} is not mounted")
    assert doctor._file_system(Path(path, "x")) in ("proc", "tmpfs")


def test_a_dumb_terminal_is_told(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert not doctor._terminal().fine


@pytest.mark.parametrize("pure", ["", "1"])
def test_which_probe_it_is(monkeypatch, pure):
    monkeypatch.setenv(compiled.PURE_VARIABLE, pure)
    assert doctor._probe().fine == (compiled.load() is not None)


@pytest.mark.integration
def test_the_command_prints_a_line_each():
    done = subprocess.run(
        [sys.executable, "-m", "threadscope", "doctor"], capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert len(lines) == len(doctor.examine())
    assert {line[:2] for line in lines} <= {"ok", "--"}

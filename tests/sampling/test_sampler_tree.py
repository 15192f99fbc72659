from __future__ import annotations

import subprocess
import sys
import time

import pytest

from threadscope.sampling.tree import TreeSampler
from threadscope.targets.tree import family

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
input()
child.kill()
child.wait()
print("alone", flush=True)
input()
"""


@pytest.fixture
def parent():
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.stdin.close()
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_family_is_followed_as_it_shrinks(parent):
    child = int(parent.stdout.readline())
    sampler = TreeSampler()
    assert family(parent.pid) == (parent.pid, child)
    sampler.follow(family(parent.pid))
    samples, gone = sampler.sample(time.monotonic_ns())
    assert {sample.pid for sample in samples} == {parent.pid, child}
    assert gone == []

    parent.stdin.write("\n")
    parent.stdin.flush()
    assert parent.stdout.readline() == "alone\n"
    samples, gone = sampler.sample(time.monotonic_ns())
    assert [sample.pid for sample in samples] == [parent.pid]
    assert gone == [child]
    assert family(parent.pid) == (parent.pid,)
    assert sampler.sample(time.monotonic_ns())[1] == []  # said once
    sampler.close()
    assert sampler.sample(time.monotonic_ns()) == ([], [])


def test_nobody_has_no_family():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert family(process.pid) == ()

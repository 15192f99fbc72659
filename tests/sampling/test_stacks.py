"""What py-spy says of a process without a probe."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.command import eventually
from threadscope.model.snapshot import Role
from threadscope.sampling.stacks import StackSampler, dump, find_py_spy, look_at

CODE = """
import asyncio, threading
def wait_for_the_end():
    input()
async def main():
    threading.Thread(target=asyncio.Event().wait, name="mine", daemon=True).start()
    thread = threading.Thread(target=wait_for_the_end, name="AnyIO worker thread")
    thread.start()
    print("up", flush=True)
    while thread.is_alive():
        await asyncio.sleep(0.05)
asyncio.run(main())
"""


@pytest.fixture
def program():
    found = find_py_spy()
    if found is None:
        pytest.skip("py-spy is not installed")
    return found


@pytest.fixture
def process(tmp_path):
    script = tmp_path / "app.py"
    script.write_text(CODE)
    pipe = subprocess.PIPE
    started = subprocess.Popen([sys.executable, str(script)], stdin=pipe, stdout=pipe, text=True)
    assert started.stdout.readline() == "up\n"
    yield started
    started.stdin.close()
    started.wait(10)
    started.stdout.close()


@pytest.mark.integration
def test_threads_have_names_roles_and_places(program, process):
    try:
        found = {stack.name: stack for stack in dump(program, process.pid)}
    except OSError as error:
        pytest.skip(str(error))
    worker, loop = found["AnyIO worker thread"], found["MainThread"]
    assert (worker.role, worker.where) == (Role.WORKER, "app.py:4 in wait_for_the_end()")
    assert (loop.role, loop.tid) == (Role.LOOP, process.pid)
    assert not worker.holds_gil


@pytest.mark.integration
def test_a_loop_that_waits_is_nowhere_in_the_apps_code(program, process):
    """Below the loop there is the line that started it: it is not what the loop runs."""
    try:
        look = look_at(program, process.pid, process.pid)
    except OSError as error:
        pytest.skip(str(error))
    assert (look.own, look.holds_gil) == ("", False)
    with pytest.raises(OSError, match="does not know the thread"):
        look_at(program, process.pid, 1)


@pytest.mark.integration
def test_a_process_that_is_gone(program):
    with pytest.raises(OSError, match="py-spy"):
        dump(program, 4194303)


@pytest.mark.integration
def test_the_sampler_tells_as_long_as_it_is_wanted(program, process):
    told = []
    sampler = StackSampler(lambda pid, stacks: told.append((pid, len(stacks))))
    sampler.follow([])
    assert sampler._thread is None, "nothing runs before it is wanted"
    sampler.follow([process.pid])
    eventually(lambda: told or sampler.trouble, what="a dump")
    sampler.close()
    if not sampler.trouble:
        assert told[0][0] == process.pid


def test_without_py_spy_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    sampler = StackSampler(lambda *_: None)
    sampler.follow([1])
    assert "pip install threadscope[stacks]" in sampler.trouble
    sampler.close()

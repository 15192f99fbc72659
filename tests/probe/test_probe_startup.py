"""How the probe gets into a server's Python: `sitecustomize`, the import hook, other Pythons."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import threadscope.probe
from tests.pythons import other_python
from threadscope.probe import layout as L
from threadscope.rings.folder import probe_environment
from threadscope.rings.reader import RingReader

pytestmark = pytest.mark.integration

PROBE = Path(threadscope.probe.__file__).parent
PATIENCE_S = 30


def python(code, *options, environment=None, executable=sys.executable):
    """What a Python says, on standard output and on standard error."""
    result = subprocess.run(
        [executable, *options, "-c", code],
        env=dict(os.environ) if environment is None else environment,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return result.stdout.strip(), result.stderr.strip()


@pytest.fixture
def plain():
    """An environment without a PYTHONPATH."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture
def with_probe(plain, tmp_path):
    folder = tmp_path / "rings"
    folder.mkdir()
    return lambda **more: probe_environment(folder, {**plain, **more})


LOADED = "import sys; print('_threadscope_probe.hooks' in sys.modules)"


def test_the_probe_comes_up_with_the_interpreter(with_probe):
    assert python(LOADED, environment=with_probe()) == ("True", "")


def test_without_a_folder_it_is_not_even_loaded(with_probe):
    environment = with_probe()
    del environment["THREADSCOPE_DIR"]
    assert python(LOADED, environment=environment) == ("False", "")


def test_our_folder_is_not_left_on_the_path(with_probe, plain):
    shown = "import sys; print(sys.path)"
    assert python(shown, environment=with_probe()) == python(shown, environment=plain)


def test_the_environment_goes_on_to_children(with_probe):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LOADED!r}])"
    assert python(code, environment=with_probe()) == ("True", "")


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_a_python_that_takes_no_environment_runs_as_ever(with_probe, option):
    assert python(LOADED, option, environment=with_probe()) == ("False", "")


# -- the sitecustomize that we hide ----------------------------------------------------------------
def test_the_users_sitecustomize_still_runs(with_probe, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.theirs = __file__")
    shown = "import sys, sitecustomize; print(sys.theirs, sitecustomize.__file__)"
    own = str(tmp_path / "sitecustomize.py")
    said = python(shown, environment=with_probe(PYTHONPATH=str(tmp_path)))
    assert said == (f"{own} {own}", "")


@pytest.mark.parametrize(
    "broken",
    [
        "raise ValueError('theirs')",
        "import no_such_module_at_all",
        "raise SystemExit(3)",
        "raise ImportError('x', name='sitecustomize')",
        "1/",
    ],
)
def test_a_broken_sitecustomize_is_reported_as_without_us(with_probe, plain, tmp_path, broken):
    (tmp_path / "sitecustomize.py").write_text(broken)
    path = {"PYTHONPATH": str(tmp_path)}
    watched = python("print(1)", environment=with_probe(**path))
    unwatched = python("print(1)", environment={**plain, **path})
    assert watched[0] == unwatched[0]
    assert watched[1].splitlines()[-1:] == unwatched[1].splitlines()[-1:]


def test_a_probe_that_cannot_start_does_not_stop_the_server(with_probe, tmp_path):
    environment = with_probe()
    copy = tmp_path / "probe"
    shutil.copytree(PROBE, copy)
    (copy / "hooks.py").write_text("raise RuntimeError('broken probe')")
    environment["PYTHONPATH"] = str(copy / "startup")
    assert python("print(1)", environment=environment) == ("1", "")


# -- the import hook -------------------------------------------------------------------------------
def test_nothing_is_imported_on_the_apps_behalf(with_probe):
    names = "('uvicorn', 'starlette', 'fastapi', 'anyio', 'concurrent.futures', 'asyncio')"
    code = f"import sys; print([name for name in {names} if name in sys.modules])"
    said, errors = python(code, environment=with_probe())
    assert errors == ""
    assert set(eval(said)) <= {"concurrent.futures", "asyncio"}


SERVE = """
import asyncio
from uvicorn.config import Config

async def app(scope, receive, send):
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def main():
    config = Config(app, log_config=None, interface="asgi3", ws="none")
    config.load()
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": [], "client": None,
             "scheme": "http", "server": None}
    async def send(message): ...
    await config.loaded_app(scope, send, send)

asyncio.run(main())
"""


def test_uvicorn_loads_every_app_with_the_wrapper_around_it(with_probe):
    environment = with_probe()
    assert python(SERVE, environment=environment) == ("", "")
    (path,) = Path(environment["THREADSCOPE_DIR"]).glob("server-*.ring")
    reader = RingReader(path)
    kinds = [record[L.R_KIND] for record in reader.drain(0) if record[L.R_KIND] <= L.END]
    header = reader.header()
    assert kinds[0] == L.ARRIVE
    assert kinds[-1] == L.END
    assert header[L.W_ERRORS] == 0
    assert reader.text(header[L.W_HTTP]) in ("httptools", "h11")
    assert reader.text(header[L.W_PYTHON]) == platform.python_version()
    reader.close()


def test_patched_modules_keep_their_loaders_and_names(with_probe):
    code = """
import importlib, sys
import anyio.to_thread, starlette.routing, concurrent.futures.thread
for name in ("anyio.to_thread", "starlette.routing", "concurrent.futures.thread"):
    module = sys.modules[name]
    print(type(module.__loader__).__name__, type(module.__spec__.loader).__name__)
print(anyio.to_thread.run_sync.__module__, anyio.to_thread.run_sync.__wrapped__.__name__)
importlib.reload(anyio.to_thread)
"""
    said, errors = python(code, environment=with_probe())
    assert errors == ""
    *loaders, names = said.splitlines()
    assert loaders == ["SourceFileLoader SourceFileLoader"] * 3
    assert names == "anyio.to_thread run_sync"


# -- any Python, and nothing but its standard library ----------------------------------------------
IMPORT_ALL = f"""
import sys
before = set(sys.modules)
sys.path.insert(0, {str(PROBE.parent)!r})
import probe.hooks, probe.watch, probe.ring
new = {{name.partition(".")[0] for name in set(sys.modules) - before}} - {{"probe"}}
new = {{name for name in new if not name.startswith("_sysconfigdata")}}
print(sorted(new - getattr(sys, "stdlib_module_names", new)))
"""


def test_the_probe_imports_only_the_standard_library(plain):
    """From a bare folder, in an interpreter that has nothing else."""
    assert python(IMPORT_ALL, "-I", "-S", environment=plain) == ("[]", "")


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_the_probe_works_in_other_pythons(plain, version, tmp_path):
    executable = other_python(version)
    code = f"""{IMPORT_ALL}
import os
os.environ["THREADSCOPE_DIR"] = {str(tmp_path)!r}
from probe import hooks, state, layout
hooks.install()
ring = state.current().ring
ring.put(layout.STEP, 0, 0, 1, 7, 1)
"""
    assert python(code, "-I", "-S", environment=plain, executable=executable) == ("[]", "")
    (path,) = tmp_path.glob("server-*.ring")
    reader = RingReader(path)
    assert [r[L.R_REQUEST] for r in reader.drain(0) if r[L.R_KIND] == L.STEP] == [7]
    assert reader.text(reader.header()[L.W_PYTHON]).startswith(version + ".")
    reader.close()

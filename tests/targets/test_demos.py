from __future__ import annotations

import json
import socket
import urllib.request

import psutil
import pytest

from threadscope.targets.demo_list import DEMOS, demo_folder, demos
from threadscope.targets.demos import start_demo
from threadscope.targets.errors import TargetError
from threadscope.targets.ports import free_port

CPU = DEMOS["cpu"]


def get(url: str):
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


def test_every_demo_has_its_app_and_two_ways_to_answer():
    for name, demo in DEMOS.items():
        assert demo.name == name
        assert (demo_folder() / f"{demo.app.partition(':')[0]}.py").is_file()
        keys = [way.variant.key for way in demo.variants]
        assert len(keys) == len(set(keys)) >= 2
        assert all(way.route in way.variant.title for way in demo.variants)


NEW = '''"""An app."""
raise SystemExit("it was run")
DEMO = {
    "summary": "one more",
    "variants": {"def": "def, slowly /new/def", "async": "async def /new/async/{client}"},
    "clients": 3,
    "beside": {"/health": 2.5},
    "work": "",
}
'''


def test_a_file_with_a_demo_is_one_without_being_run(tmp_path):
    (tmp_path / "aa.py").write_text(NEW)
    (tmp_path / "first.py").write_text(NEW.replace('"summary"', '"place": 1, "summary"'))
    (tmp_path / "help.py").write_text("import nowhere\n")
    found = demos(tmp_path)
    assert list(found) == ["first", "aa"]
    one = found["aa"]
    assert (one.app, one.clients, one.work, one.workers) == ("aa:app", 3, "", 1)
    by_def, by_async = one.variants
    assert (by_def.variant.key, by_def.path, by_def.route) == ("def", "/new/def", "/new/def")
    assert by_def.variant.title == "def, slowly /new/def"
    assert by_async.path == "/new/async/{client}"
    assert [(light.path, light.rate) for light in one.beside] == [("/health", 2.5)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DEMO = {'clients': len('abc')}", "no dictionary of literals"),
        ("DEMO = 7", "no dictionary of literals"),
        ("DEMO = {'clients': 3}", "cannot be understood: 'variants'"),
        (NEW.replace("clients", "client"), "cannot be understood: .*'client'"),
        (NEW.replace('{"/health": 2.5}', "7"), "cannot be understood: .*items"),
    ],
)
def test_a_demo_that_cannot_be_understood_names_its_file(tmp_path, text, why):
    (tmp_path / "new.py").write_text(text)
    with pytest.raises(TargetError, match=rf"new\.py: DEMO (is )?{why}"):
        demos(tmp_path)


@pytest.mark.integration
def test_the_cpu_demo_answers_on_the_thread_that_it_promises(tmp_path):
    folder = tmp_path / "ring"
    folder.mkdir()
    server = start_demo(CPU, work=1000, env_extra={"THREADSCOPE_TEST": "here"}, folder=folder)
    try:
        assert (server.work, server.work_ms) == (1000, None)
        assert psutil.Process(server.process.pid).environ()["THREADSCOPE_TEST"] == "here"
        by_async, by_def = (way.path.format(client=3) for way in CPU.variants)
        assert get(server.url + by_async) == {"client": 3, "thread": "MainThread"}
        assert get(server.url + by_def) == {"client": 3, "thread": "AnyIO worker thread"}
        routes = get(server.url + "/openapi.json")["paths"]
        assert {way.route for way in CPU.variants} <= routes.keys()
    finally:
        server.stop()
    lines = [line for line in server.process.output.lines(100) if not line.startswith("INFO")]
    assert lines == [
        "a request is 1,000 additions, as THREADSCOPE_WORK says",
        "start  client 3  MainThread",
        "end    client 3  MainThread",
        "start  client 3  AnyIO worker thread",
        "end    client 3  AnyIO worker thread",
    ]
    assert not folder.exists()


@pytest.mark.integration
def test_the_demo_finds_out_how_much_to_do_and_says_so():
    server = start_demo(CPU)
    server.stop()
    assert server.work is not None
    assert server.work >= 100_000
    assert server.work_ms == 300
    line = f"a request is {server.work:,} additions, about 300 ms of CPU here"
    assert line in server.process.output.lines(100)


@pytest.mark.integration
def test_a_demo_on_a_chosen_port():
    port = free_port()
    server = start_demo(CPU, port=port, work=1)
    try:
        assert server.url == f"http://127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            pass
        with pytest.raises(
            TargetError, match=rf"port {port} is taken by .*pid {server.process.pid}"
        ):
            start_demo(CPU, port=port)
    finally:
        server.stop()


@pytest.mark.integration
def test_a_demo_that_does_not_come_up_is_quoted_and_leaves_nothing(tmp_path):
    folder = tmp_path / "ring"
    folder.mkdir()
    with pytest.raises(TargetError, match="THREADSCOPE_WORK is a number of additions, not 'x'"):
        start_demo(CPU, env_extra={"THREADSCOPE_WORK": "x"}, folder=folder)
    assert not folder.exists()

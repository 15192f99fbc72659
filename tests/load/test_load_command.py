"""`threadscope load`, as the shell sees it, on real servers."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from click.testing import CliRunner

from tests.load.raw_server import raw_server, says
from tests.report.load_schema import check_load_document
from threadscope.cli import main

pytestmark = pytest.mark.integration

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
LIMIT_S = 30


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "threadscope", "load", *arguments]


def load(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=LIMIT_S, check=False, **more
    )


def report(*arguments: str) -> dict:
    """The phase of a JSON report."""
    done = load(*arguments, "--json")
    assert done.stderr == ""
    document = json.loads(done.stdout)
    check_load_document(document)
    return document["phases"][0]


def adds_up(phase: dict) -> bool:
    requests, errors = phase["requests"], phase["errors"]
    return (
        requests["started"] == requests["completed"] + requests["failed"] + requests["cut_off"]
        and requests["failed"] == sum(errors.values())
        and errors["4xx"] == sum(n for s, n in phase["statuses"].items() if s[0] == "4")
    )


# -- what it prints ----------------------------------------------------------------------------
def test_the_text_comes_in_the_order_that_people_know(server):
    done = load(f"{server.url}/hello", "-n", "1000", "-c", "10")
    assert (done.returncode, done.stderr) == (0, "")
    heads = re.findall(r"^(\S.*):", done.stdout, re.MULTILINE)
    assert heads == [
        "Summary", "Response time histogram", "Latency distribution", "Status code distribution",
    ]  # fmt: skip
    names = re.findall(r"^  ([A-Z][^:]*):", done.stdout, re.MULTILINE)
    assert names[:5] == ["Total", "Slowest", "Fastest", "Average", "Requests/sec"]
    assert re.findall(r"^ *([\d.]+)% in", done.stdout, re.MULTILINE) == [
        "50", "90", "95", "99", "99.9",
    ]  # fmt: skip
    bars = re.findall(r"\[([\d,]+)\] *\|", done.stdout)
    assert sum(int(bar.replace(",", "")) for bar in bars) == 1000 == len(server.seen())
    assert "[200] 1,000 responses" in done.stdout


def test_without_numbers_it_is_two_hundred_by_fifty(server):
    phase = report(f"{server.url}/hello")
    assert phase["requests"]["completed"] == len(server.seen()) == 200
    assert (phase["load"]["concurrency"], phase["load"]["model"]) == (50, "closed")
    assert phase["settle_s"] < phase["duration_s"]
    assert phase["latency_ms"]["p99"] is not None
    assert phase["latency_ms"]["p99.9"] is None, "for that it takes a thousand"


def test_json_the_server_the_report_and_the_histogram_agree(server):
    phase = report(f"{server.url}/slow", "-z", "400ms", "-c", "8")
    assert adds_up(phase)
    assert phase["requests"]["started"] == len(server.seen())
    in_measure = sum(count for _, count in phase["histogram_ms"])
    assert 0 < in_measure <= phase["requests"]["completed"]
    assert phase["requests"]["per_second"] == pytest.approx(
        in_measure / phase["duration_s"], rel=0.01
    )


def test_json_of_a_schedule(server):
    phase = report(f"{server.url}/hello", "-q", "400", "-n", "100", "-c", "5")
    requests = phase["requests"]
    assert requests["scheduled"] == 100 == len(server.seen()) + requests["dropped"]
    assert requests["on_time"] + requests["late"] == requests["started"]
    assert phase["load"]["rate"] == 400.0
    assert phase["latency_from_schedule_ms"]["p50"] >= phase["latency_ms"]["min"]


def test_json_of_a_burst(server):
    phase = report(f"{server.url}/slow", "--burst", "12")
    assert phase["burst"]["n"] == 12 == len(server.seen())
    assert phase["burst"]["total_s"] > 0


def test_failures_are_told_apart_and_urls_asked_in_turn(server):
    with raw_server(says(b"SMTP\r\n\r\n")) as raw, raw_server(says(b"", stay=False)) as closing:
        urls = [f"{server.url}/status/{status}" for status in (200, 404, 503)]
        phase = report(*urls, raw.url, "--url", closing.url, "-n", "50", "-c", "2")
    assert adds_up(phase)
    assert phase["statuses"] == {"200": 10, "404": 10, "503": 10}
    failed = {kind: n for kind, n in phase["errors"].items() if n}
    assert failed == {"4xx": 10, "5xx": 10, "garbage": 10, "reset": 10}
    assert len(phase["load"]["urls"]) == 5


def test_what_is_sent_is_what_was_said(server, tmp_path):
    (tmp_path / "headers").write_text("X-Two: 2\n\nX-Three: a: b\n")
    (tmp_path / "body").write_bytes(bytes(range(256)))
    options = ["-n", "3", "-c", "1", "-T", "application/json", "-H", "X-One: 1"]
    done = load(f"{server.url}/echo", *options, "-m", "post", "-d", '{"a": 1}',
                "-H", f"@{tmp_path / 'headers'}")  # fmt: skip
    assert done.returncode == 0
    for request in server.seen():
        headers = dict(request["headers"])
        assert request["method"] == "POST"
        assert headers["content-type"] == "application/json"
        assert (headers["x-one"], headers["x-two"], headers["x-three"]) == ("1", "2", "a: b")
        assert headers["content-length"] == "8"
    phase = report(f"{server.url}/echo", "-n", "3", "-m", "PUT", "-D", str(tmp_path / "body"))
    assert phase["received_bytes"] == 3 * 256


# -- what cannot be done -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "what is to be loaded? Say http://127.0.0.1:8000/"),
        (["127.0.0.1:8000"], "a URL must be http:// or https://, as in http://127.0.0.1:8000/"),
        (["ftp://127.0.0.1/"], "a URL must be http:// or https://"),
        (["http://example.com/"], "example.com is not this machine: say --allow-remote"),
        (["http://127.0.0.1/", "--url", "http://10.1.1.1"], "10.1.1.1 is not this machine"),
        (["http://127.0.0.1/", "-q", "0"], "'0' is not a rate: requests per second, more than 0"),
        (["http://127.0.0.1/", "-q", "200k"], "up to 100k"),
        (["http://127.0.0.1/", "-c", "0"], "'0' is not a whole number from 1 to 10,000"),
        (["http://127.0.0.1/", "-z", "0"], "'0' is not a time"),
        (["http://127.0.0.1/", "--burst", "3", "-c", "4"], "leave out -c, -n and -z"),
        (["http://127.0.0.1/", "--burst", "3", "-q", "4"], "--burst or -q"),
        (["http://127.0.0.1/", "-H", "nonsense"], "a header is 'Name: value'"),
        (["http://127.0.0.1/", "-H", "Connection: x"], "the load writes the header Connection"),
        (["http://127.0.0.1/", "-H", "@nowhere"], "cannot read nowhere: No such file"),
        (["http://127.0.0.1/", "-D", "nowhere"], "cannot read nowhere: No such file"),
        (["http://127.0.0.1/", "-d", "a", "-D", "/dev/null"], "-d or -D: one body"),
        (["http://127.0.0.1/", "-m", "GET /"], "'GET /' is no method"),
    ],
)
def test_what_cannot_be_understood_says_what_is_accepted(arguments, says):
    done = CliRunner().invoke(main, ["load", *arguments], prog_name="threadscope")
    assert (done.exit_code, done.stdout) == (2, "")
    error, *hint = done.stderr.splitlines()
    assert error.startswith("Error: ")
    assert says in error
    assert hint in ([], ["hint: threadscope load --help"])


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    done = load(f"http://127.0.0.1:{port}/", "-z", "60s")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: nothing listens on 127.0.0.1:{port}: is the server up, on that port?\n"
    )


def test_a_host_that_nobody_knows():
    done = load("http://nobody.invalid/", "--allow-remote")
    assert done.returncode == 1
    assert done.stderr == "Error: nobody knows a host called nobody.invalid\n"


def test_the_wrong_scheme(server):
    done = load(f"{server.url.replace('http:', 'https:')}/hello", "-n", "2")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no request was answered: 2 ")
    assert "Error distribution:" in done.stdout


def test_a_server_that_never_answers(server):
    done = load(f"{server.url}/hang", "-n", "4", "-c", "2", "-t", "200ms")
    assert done.returncode == 1
    assert done.stderr == "Error: no request was answered: 4 timeout (no answer in time)\n"
    assert "  [4] timeout: no answer in time" in done.stdout


def test_more_clients_than_open_files(server):
    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))

    done = load(f"{server.url}/hello", "-c", "500", preexec_fn=few_files)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: 500 clients need 564 open files, and 200 are allowed here: ask for fewer with -c,"
        " or allow more with ulimit -Hn\n"
    )
    assert server.seen() == []


# -- what nobody may see -----------------------------------------------------------------------
def test_secrets_are_sent_and_never_shown(server):
    url = server.url.replace("http://", "http://me:s3cret@") + "/hang?api_key=s3cret"
    arguments = command(url, "-H", "X-Api-Key: s3cret", "-H", "Cookie: id=s3cret", "-t", "60s")
    with subprocess.Popen(
        [*arguments, "-c", "2", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        seen = []
        while len(seen) < 2:
            seen += server.seen()
        [child] = psutil.Process(process.pid).children(recursive=True)
        assert "s3cret" not in " ".join([*child.cmdline(), *child.environ().values()])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    headers = dict(seen[0]["headers"])
    assert headers["authorization"] == "Basic bWU6czNjcmV0"
    assert (headers["x-api-key"], headers["cookie"]) == ("s3cret", "id=s3cret")
    assert b"s3cret" not in out + err
    phase = json.loads(out)["phases"][0]
    assert phase["load"]["headers"] == {"X-Api-Key": "***", "Cookie": "***"}


@pytest.mark.parametrize("place", ["127.0.0.1:1", "[::1", "example.com", "127.0.0.1:99999"])
@pytest.mark.parametrize("header", ["Authorization: s3cret", "Cookie: s3cret\x01", "s3cret"])
def test_secrets_are_in_no_error(place, header):
    arguments = ["load", f"http://me:s3cret@{place}/", "-H", header]
    done = CliRunner().invoke(main, arguments, prog_name="threadscope")
    assert done.exit_code in (1, 2)
    assert done.stderr.startswith("Error: ")
    assert "s3cret" not in done.output


# -- its end -----------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/hello", "/hang"])
def test_ctrl_c_prints_what_was_measured(server, path):
    options = ["-z", "60s", "-c", "3", "-t", "60s", "--json"]
    with subprocess.Popen(
        command(server.url + path, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        asked = []
        while len(asked) < 3:
            asked += server.seen()
        [child] = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert not child.is_running()
    phase = json.loads(out)["phases"][0]
    assert phase["aborted"] == "interrupted"
    assert adds_up(phase)
    assert phase["requests"]["started"] == len(asked) + len(server.seen())
    assert (phase["requests"]["cut_off"] == 3) is (path == "/hang")


def test_progress_is_written_to_a_terminal_and_leaves_no_trace(server):
    ours, theirs = pty.openpty()
    arguments = command(f"{server.url}/hello", "-z", "2500ms", "-c", "2")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 65_536):
                said += data
        except OSError:  # a terminal's end of file
            pass
        out, _ = process.communicate(timeout=LIMIT_S)
    os.close(ours)
    assert said.count(b" req/s  p50 ") >= 2
    assert b"\n" not in said
    assert said.endswith(b" \r")
    assert out.startswith(b"Summary:\n")
    assert process.returncode == 0


def test_its_load_process_dies(server):
    with subprocess.Popen(
        command(f"{server.url}/hello", "-z", "60s"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        end = time.monotonic() + LIMIT_S
        while not server.seen():
            assert time.monotonic() < end
        [child] = psutil.Process(process.pid).children(recursive=True)
        child.kill()
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (1, b"")
    assert err == b"Error: the load process was killed by SIGKILL\n"


def test_a_server_that_closes_each_connection():
    with raw_server(says(HELLO, stay=False)) as raw:
        phase = report(raw.url, "-n", "40", "-c", "4", "--disable-keepalive")
        assert phase["requests"]["completed"] == len(raw.asked) == 40
        assert raw.connections == 41, "one more, to see whether it is there"
    assert phase["load"]["keep_alive"] is False

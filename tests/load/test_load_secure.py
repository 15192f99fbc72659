"""https://: what aiohttp says of a request, and requests to a real server."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp.client_reqrep import ConnectionKey

from threadscope.load.answer import ErrorKind
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.secure import no_answer

HERE = Path(__file__).parent
KEY = ConnectionKey("127.0.0.1", 80, True, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), ErrorKind.TIMEOUT),
        (aiohttp.ServerTimeoutError(), ErrorKind.TIMEOUT),
        (aiohttp.ConnectionTimeoutError(), ErrorKind.TIMEOUT),
        (aiohttp.ServerDisconnectedError(), ErrorKind.RESET),
        (aiohttp.ClientPayloadError("half a body"), ErrorKind.WRONG_LENGTH),
        (aiohttp.ClientConnectionResetError("closing"), ErrorKind.RESET),
        (aiohttp.ClientOSError(errno.ECONNRESET, "reset"), ErrorKind.RESET),
        (aiohttp.ClientOSError(errno.EPIPE, "pipe"), ErrorKind.RESET),
        (aiohttp.ClientOSError(errno.EIO, "io"), ErrorKind.OTHER),
        (aiohttp.ClientResponseError(None, ()), ErrorKind.GARBAGE),
        (aiohttp.InvalidURL("x"), ErrorKind.OTHER),
        (ValueError("surprise"), ErrorKind.OTHER),
    ],
)
def test_what_went_wrong(error, kind):
    assert no_answer(error).kind is kind


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ErrorKind.REFUSED),
        (OSError("Multiple exceptions: refused, refused"), ErrorKind.REFUSED),
        (OSError(errno.EMFILE, "too many open files"), ErrorKind.OTHER),
    ],
)
def test_why_no_connection_was_made(cause, kind):
    assert no_answer(aiohttp.ClientConnectorError(KEY, cause)).kind is kind


@pytest.fixture(scope="module")
def secure_url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        folder / "all.pem"
    )
    command = [
        sys.executable, "-u", "-m", "uvicorn", "bare_app:app", "--app-dir", str(HERE),
        "--port", "0", "--no-access-log", "--ssl-certfile", str(folder / "all.pem"),
        "--ssl-keyfile", str(folder / "all.pem"),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        running = next(line for line in process.stderr if "running on" in line)
        yield next(word for word in running.split() if word.startswith("https://127"))
        process.kill()


@pytest.mark.integration
def test_a_server_with_a_certificate_of_its_own_on_this_machine(load, secure_url):
    plan = LoadPlan(
        f"{secure_url}/echo", clients=4, requests=40, method="POST", body=b"x" * 5000,
        headers=(("x-one", "1"),),
    )  # fmt: skip
    result = load.run(plan)
    assert (result.started, result.completed, result.in_measure) == (40, 40, 40)
    assert result.statuses == {"200": 40}
    assert result.received_bytes == 40 * 5000


@pytest.mark.integration
@pytest.mark.parametrize("more", [{"model": Model.BURST}, {"model": Model.OPEN, "rate": 500.0}])
def test_every_model_works_with_it(load, secure_url, more):
    result = load.run(LoadPlan(f"{secure_url}/hello", clients=8, requests=8, **more))
    assert result.statuses == {"200": 8}


@pytest.mark.integration
def test_a_redirect_is_an_answer_here_too(load, secure_url, server):
    there = server.url.replace("/", ",") + ",hello"
    result = load.run(LoadPlan(f"{secure_url}/move/{there}", clients=1, requests=2))
    assert result.statuses == {"307": 2}
    assert server.seen() == []


@pytest.mark.integration
def test_a_server_without_tls_is_no_answer(load, server):
    url = server.url.replace("http:", "https:")
    result = load.run(LoadPlan(f"{url}/hello", clients=1, requests=2))
    assert result.started == result.failed == 2
    assert sum(result.errors.values()) == 2

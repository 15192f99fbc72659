"""Where threadscope reaches, and where it does not: hosts, sockets, secrets, folders."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from tests.integration.command import Command, eventually
from threadscope.load.address import check_url
from threadscope.load.clients import Place
from threadscope.load.plan import LoadPlan
from threadscope.load.request import Origin, origin_of
from threadscope.load.secure import LocalResolver
from threadscope.model.redact import shown_url
from threadscope.probe import folders
from threadscope.rings.folder import base_folder
from threadscope.targets.find import rings_of
from threadscope.targets.sockets import all_listeners

SECRET = "hunter2secret"


# -- the load ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1@example.com/", "http://127.0.0.1:80@example.com/",
        "http://example.com\\@127.0.0.1/", "https://example.com\\@127.0.0.1/",
        "http://0/", "http://0x7f000001/", "http://2130706433/", "http://127.1/",
        "http://[::]/", "http://[::ffff:10.0.0.1]/", "http://[::ffff:0.0.0.0]/", "http://0.0.0.0/",
        "http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://{client}/",
        "http://127.0.0.{client}/", "http://127.0.0.1%2eexample.com/", "http://169.254.169.254/",
    ],
)  # fmt: skip
def test_other_machines_in_disguise_are_refused(url):
    with pytest.raises(ValueError, match=r"is not this machine|must be http"):
        LoadPlan(url)


@given(st.text("ab@:/\\?#[].%{}127.0.0.1localhost", max_size=30))
def test_both_parsers_go_to_the_same_host(rest):
    """What is checked is what is asked: http:// goes by urllib's parser, https:// by yarl's."""
    url = f"https://{rest}"
    try:
        check_url(url)
    except ValueError:
        return
    assert URL(url, encoded=True).host == origin_of(url).host


def test_a_localhost_that_leads_elsewhere_has_no_address(monkeypatch):
    """As a line in /etc/hosts may have it."""

    async def look_up() -> None:
        loop = asyncio.get_running_loop()

        async def elsewhere(host, port, **options):
            kinds = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*kinds, ("192.0.2.1", port)), (*kinds, ("127.0.0.1", port))]

        monkeypatch.setattr(loop, "getaddrinfo", elsewhere)
        origin = Origin("localhost", 80)
        assert (await Place.look_up(origin, None))._addresses == [("127.0.0.1", 80)]
        both = await Place.look_up(origin, None, allow_remote=True)
        assert [host for host, _ in both._addresses] == ["192.0.2.1", "127.0.0.1"]
        assert [x["host"] for x in await LocalResolver().resolve("localhost", 80)] == ["127.0.0.1"]

    asyncio.run(look_up())


def test_a_path_is_shown_without_its_secrets():
    assert shown_url(f"/x/@me?token={SECRET}&a=1") == "/x/@me?token=***&a=1"
    assert shown_url(f"//me:{SECRET}@h/x") == "//***@h/x"


# -- sockets and secrets -------------------------------------------------------------------------
@pytest.mark.integration
def test_nothing_listens_but_on_loopback_and_nobody_sees_a_secret(tmp_path):
    """Of all processes of a run: their sockets, and their command lines but the typed one."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    (tmp_path / "headers").write_text(f"Authorization: Bearer {SECRET}\n")
    app = Path(__file__).parents[1] / "integration" / "served"
    command = Command(
        runtime, "run", "--no-tui", "--save", str(tmp_path / "x.tscope"), "-H",
        f"@{tmp_path}/headers", "--url", f"/async?token={SECRET}", "--",
        sys.executable, "-m", "uvicorn",
        "plain:app", "--app-dir", str(app), "--port", "0",
    )  # fmt: skip
    try:
        command.wait_for("req/s")
        eventually(lambda: command.served() > 20, what="requests")
        family = command.family()
        assert len(family) >= 4
        for pid, line in family.items():
            if pid != command.process.pid:
                assert SECRET not in line
                assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
            for one in psutil.Process(pid).net_connections("inet"):
                assert one.laddr.ip in ("127.0.0.1", "::1"), (line, one)
        listening = [
            one for pid in family for one in psutil.Process(pid).net_connections("inet")
            if one.status == psutil.CONN_LISTEN
        ]  # fmt: skip
        assert len({one.laddr.port for one in listening}) == 1, "the server's own port"
        command.signal(2)
        assert command.status() == 130
    finally:
        command.end()
    assert SECRET not in command.out.text + command.err.text
    assert "token=***" in command.out.text
    assert (tmp_path / "x.tscope").stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in (tmp_path / "x.tscope").read_bytes()


def test_a_line_of_the_table_in_a_sockets_path_is_no_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the whole path has 108 bytes at most
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as rude:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        inode = os.fstat(tcp.fileno()).st_ino
        rude.bind(f"\x1b[6n\n0: 0 0 00010000 0001 01 {inode} fake\r\n\udcff short\n: : : :")
        rude.listen()
        mine = [one for one in all_listeners(os.getpid()) if one.inode == inode]
        assert mine[0].port == tcp.getsockname()[1], "what was there before the path comes first"
        labels = [one.label for one in all_listeners(os.getpid())]
        assert not [label for label in labels if "\x1b" in label]


# -- folders -------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", [0o770, 0o777, 0o722])
def test_no_ring_lies_where_others_could_replace_its_folder(tmp_path, monkeypatch, mode):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared))
    assert not folders.base_path().startswith(str(shared))
    shared.chmod(0o1777)  # as /tmp: nobody moves what is another's
    assert folders.base_path() == str(shared / "threadscope")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_with_sudo_the_other_users_runtime_folder_stays_untouched(tmp_path, monkeypatch):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 12345, 12345)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(theirs))
    assert base_folder().parent != theirs
    assert list(theirs.iterdir()) == []


@pytest.mark.parametrize("folder", ["x" * 5000, "/proc/self/mem", "/dev/null", "\x1b[6n"])
def test_a_folder_that_a_process_names_may_be_anything(tmp_path, folder):
    """THREADSCOPE_DIR is in the environment of what one attaches to."""
    process = psutil.Popen(["sleep", "30"], env={"THREADSCOPE_DIR": folder})
    try:
        assert rings_of([process.pid]) == []
    finally:
        process.kill()
        process.wait()

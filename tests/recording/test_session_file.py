from __future__ import annotations

import inspect
import resource
import signal
import zlib

import pytest

from tests.recording.saved import TARGET, save_session
from threadscope.model.aggregator import Aggregator
from threadscope.recording.blocks import FIRST_LINE, FORMAT, HEAD, BlockReader
from threadscope.recording.decode import SessionFile
from threadscope.recording.encode import Encoder
from threadscope.recording.errors import RecordingError
from threadscope.recording.feed import NOT_SAVED, read_results, snapshots
from threadscope.recording.tap import Tap

ASKED = {"open", "served", "as_seen", "watched", "unseen"}
"""What of an aggregator only answers."""


def facts(snapshot) -> dict:
    """All that a snapshot says; lanes and rows are compared by what they say, too."""
    names = inspect.get_annotations(type(snapshot))
    return {name: _plain(getattr(snapshot, name)) for name in names if name != "output"}


def _plain(value):
    if hasattr(value, "__slots__") and not isinstance(value, str | tuple):
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return [_plain(one) for one in value]
    return value


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("session") / "x.tscope"
    return path, save_session(path)


def without_query(target) -> dict:
    return {**_plain(target), "url": "http://127.0.0.1:1/x"}


def test_the_file_gives_the_snapshots_that_were_seen(saved):
    path, live = saved
    again = [facts(snapshot) for snapshot, _ in snapshots(SessionFile(path))]
    assert len(again) == len(live.seen) > 80
    for was, snapshot in zip(live.seen, again, strict=True):
        wanted = facts(was)
        wanted["target"] = without_query(was.target)
        wanted["log"] = [
            line._replace(text=line.text.replace("?key=secret", "")) for line in was.log
        ]
        assert snapshot == wanted


def test_the_file_gives_the_report_that_was_made(saved):
    path, live = saved
    file, again = read_results(path)
    assert again.finished == live.results
    assert [one.variant.key for one in again.finished] == ["async", "def"]
    assert again.finished[1].threads != again.finished[0].threads
    assert again.trouble == ""
    assert file.header.wall_offset == 5_000_000_000


def test_a_request_that_has_left_the_open_table_is_not_told_again(saved):
    tables = [
        (call.args[0].t, [one.request for one in call.args[0].open])
        for call, _ in SessionFile(saved[0]).calls()
        if call.name == "add_batch" and not call.named["load"]
    ]
    known = {number for _, numbers in tables for number in numbers}
    assert len(known) == 20
    assert max(len(numbers) for _, numbers in tables) == 1
    assert tables[-1][1] == []


def test_nothing_secret_is_in_it(saved):
    path, _ = saved
    data, end, seen = path.read_bytes(), len(FIRST_LINE % FORMAT), b""
    while end < len(data):
        length, _, _ = HEAD.unpack(data[end : end + HEAD.size])
        seen += zlib.decompress(data[end + HEAD.size : end + HEAD.size + length])
        end += HEAD.size + length
    assert b"was refused" in seen
    assert b"secret" not in seen
    assert "secret" in TARGET.url


def test_what_the_server_printed_is_not_in_it(saved):
    last = [snapshot for snapshot, _ in snapshots(SessionFile(saved[0]))][-1]
    assert last.output == NOT_SAVED


def test_everything_that_an_aggregator_hears_is_kept():
    public = {name for name, value in vars(Aggregator).items() if not name.startswith("_")}
    assert public - ASKED == {name for name in vars(Tap) if not name.startswith("_")}


def test_a_file_that_is_cut_anywhere_replays_to_there(saved, tmp_path):
    path, live = saved
    data, cut, lengths = path.read_bytes(), tmp_path / "cut.tscope", []
    refused = set()
    for size in [*range(0, 400, 50), *range(400, len(data), 200), len(data)]:
        cut.write_bytes(data[:size])
        try:
            file = SessionFile(cut)
        except RecordingError as error:
            refused.add(str(error).removeprefix(f"{cut} "))
            continue
        seen = [snapshot.at for snapshot, _ in snapshots(file)]
        assert seen == [was.at for was in live.seen[: len(seen)]]
        assert bool(file.trouble) == (size < len(data))
        lengths.append(len(seen))
    assert refused == {
        "is no session file: `--save` makes them", "ends before anything was seen",
    }  # fmt: skip
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 4
    assert lengths[-1] == len(live.seen)


def test_damage_in_the_middle_ends_it_there(saved, tmp_path):
    data = bytearray(saved[0].read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "damaged.tscope"
    path.write_bytes(data)
    file = SessionFile(path)
    assert 0 < len(list(snapshots(file))) < len(saved[1].seen)
    assert "cut off or damaged after" in file.trouble


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no session file"),
        (b"\x00" * 5000, "no session file"),
        (b'{"version": 2}\n', "no session file"),
        (FIRST_LINE % (FORMAT + 1), "use the version that wrote it"),
        (FIRST_LINE % FORMAT, "ends before anything was seen"),
        (FIRST_LINE % FORMAT + b"\xff" * 400, "ends before anything was seen"),
    ],
)
def test_foreign_files_are_refused_in_one_line(tmp_path, data, says):
    path = tmp_path / "foreign.tscope"
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=says) as error:
        SessionFile(path)
    assert "\n" not in str(error.value)


def block(text: bytes) -> bytes:
    packed = zlib.compress(text)
    return HEAD.pack(len(packed), zlib.crc32(packed), len(text)) + packed


@pytest.mark.parametrize(
    "entry",
    [
        b'["batch",1]', b'["sample",1,2,3,[[1]],null]', b'["advance","x"]',
        b'["begin_phase",{}]', b"5", b"[]", b'["batch",1,0,5,9,{}]', b'["end_phase",{"result":7}]',
        b'["batch",1,0,5,0,{"cells":[[0,1]]}]', b'["target",{"pids":"x"}]',
    ],
)  # fmt: skip
def test_entries_of_nobody_are_an_error_and_no_crash(tmp_path, entry):
    head = b'["begin",{"threadscope":"9","host":{},"saved":1,"started":5,"wall_offset":0}]'
    path = tmp_path / "odd.tscope"
    path.write_bytes(FIRST_LINE % FORMAT + block(b"[" + head + b"," + entry + b"]"))
    with pytest.raises(RecordingError, match="cannot read"):
        list(snapshots(SessionFile(path)))


def test_names_of_a_newer_version_are_passed_over(tmp_path):
    head = b'["begin",{"threadscope":"9","host":{},"saved":1,"started":5,"wall_offset":0}]'
    path = tmp_path / "newer.tscope"
    entries = b'["moon",1],["target",{"title":"demo x","moons":3}],["snapshot",{"moons":1}],["end"]'
    path.write_bytes(FIRST_LINE % FORMAT + block(b"[" + head + b"," + entries + b"]"))
    [(snapshot, _)] = snapshots(SessionFile(path))
    assert snapshot.target.title == "demo x"


@pytest.mark.parametrize("path", ["nowhere/x.tscope", "/dev/full", "."])
def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordingError, match="cannot write"):
        Encoder(tmp_path / path)


def test_other_files_are_not_overwritten(tmp_path):
    path = tmp_path / "app.py"
    path.write_text("print()\n")
    with pytest.raises(RecordingError, match="choose another name"):
        Encoder(path)
    assert path.read_text() == "print()\n"


def test_what_never_began_leaves_no_file(tmp_path):
    path = tmp_path / "x.tscope"
    Encoder(path).close()
    assert not path.exists()


def test_a_full_disk_ends_the_file_and_not_the_observation(tmp_path, saved):
    path, limits = tmp_path / "full.tscope", resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        live = save_session(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert "File too large" in live.encoder.trouble
    assert live.results == saved[1].results
    file = SessionFile(path)
    seen = [snapshot.at for snapshot, _ in snapshots(file)]
    assert seen == [was.at for was in live.seen[: len(seen)]] != []
    assert "killed" in file.trouble


def test_the_phase_that_ran_when_the_file_ends_is_in_the_report(saved, tmp_path):
    path, live = saved
    blocks = [block.end for block in BlockReader(path)]
    cut = tmp_path / "cut.tscope"
    cut.write_bytes(path.read_bytes()[: blocks[4]])
    _, again = read_results(cut)
    assert again.finished[0] == live.results[0]
    last = again.finished[1]
    assert (last.variant.key, last.aborted) == ("def", "the file ends here")
    assert 0 < last.completed < live.results[1].completed

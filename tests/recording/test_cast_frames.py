from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threadscope.recording.errors import RecordingError
from threadscope.recording.frames import BACKGROUND, Cast, Cut, Terminal, frame_of, frames
from threadscope.recording.svg import still


def cast_file(path, events, head=None, version=2):
    size = {"width": 20, "height": 3} if version == 2 else {"term": {"cols": 20, "rows": 3}}
    lines = [head or {"version": version, **size, "title": "t"}, *events]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return Cast(path)


def shown(cast, **cut):
    return [(frame.t, frame.text.strip()) for frame, _ in frames(cast, Cut(**cut))]


COUNT = [[i / 10, "o", f"\x1b[1;1H{i:02}"] for i in range(31)]


def test_pictures_come_no_faster_than_asked_for(tmp_path):
    cast = cast_file(tmp_path / "x.cast", COUNT)
    assert shown(cast, fps=2) == [
        (0.0, "04"), (0.5, "09"), (1.0, "14"), (1.5, "19"), (2.0, "24"), (2.5, "29"), (3.0, "30"),
    ]  # fmt: skip


def test_equal_pictures_are_one(tmp_path):
    cast = cast_file(tmp_path / "x.cast", [[t, "o", "\x1b[Hsame"] for t in range(9)])
    assert shown(cast) == [(0.0, "same"), (8.0, "same")]


def test_version_3_counts_from_event_to_event(tmp_path):
    events = [[0, "o", "a"], [1.0, "o", "b"], [1.0, "x", "0"]]
    cast = cast_file(tmp_path / "x.cast", events, version=3)
    assert shown(cast, fps=1) == [(0.0, "a"), (1.0, "ab"), (2.0, "ab")]


def test_a_part_of_it(tmp_path):
    cast = cast_file(tmp_path / "x.cast", COUNT)
    assert shown(cast, fps=2, begin=1.0, until=2.0) == [(0.0, "14"), (0.5, "19"), (1.0, "20")]


def test_rests_are_cut_short(tmp_path):
    events = [[0, "o", "a"], [60, "o", "b"], [61, "o", "c"], [200, "o", "d"]]
    cast = cast_file(tmp_path / "x.cast", events)
    assert shown(cast, fps=1, idle=2.0) == [(0.0, "a"), (2.0, "ab"), (3.0, "abc"), (5.0, "abcd")]


def test_a_resize_changes_the_picture(tmp_path):
    events = [[0, "o", "wide"], [1, "r", "5x2"], [1, "o", "\x1b[2J\x1b[Hsmall"], [2, "o", ""]]
    pictures = [frame for frame, _ in frames(cast_file(tmp_path / "x.cast", events), Cut(fps=1))]
    assert [(p.columns, len(p.rows), p.text.split()) for p in pictures] == [
        (20, 3, ["wide"]), (5, 2, ["small"]), (5, 2, ["small"]),
    ]  # fmt: skip


def test_colours_and_looks():
    frame = frame_of("\x1b[1;38;2;1;2;3mA\x1b[0;31;44mB\x1b[0;7mC\x1b[0;38;5;196mD\x1b[95mE", 9, 1)
    looks = [(run.text.strip(), run.fg, run.bg, run.bold) for run in frame.rows[0]]
    assert looks[:2] == [("A", "010203", BACKGROUND, True), ("B", "c0392b", "2f6fdf", False)]
    assert looks[2][1] == BACKGROUND
    assert looks[3][1] == "ff0000"
    assert looks[4][1] == "d787ff"


def test_wide_characters_take_two_cells():
    [run] = frame_of("日本x", 6, 1).rows[0]
    assert (run.width, run.text.rstrip()) == (6, "日本x")


def test_lines_that_are_no_events_of_output_are_passed_over(tmp_path):
    path = tmp_path / "x.cast"
    cast_file(path, [[0, "i", "typed"], [0, "m", "mark"], [1, "o", "a"]])
    path.write_text(path.read_text() + "# a comment\n\n")
    assert shown(Cast(path), fps=1)[-1] == (1.0, "a")


def test_a_cast_that_was_cut_off_is_shown_to_there(tmp_path):
    path = tmp_path / "x.cast"
    cast_file(path, COUNT)
    path.write_bytes(path.read_bytes()[:-10])
    assert shown(Cast(path))[-1] == (2.9, "29")


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("", "no screencast"),
        ("hello", "no screencast"),
        ('{"version": 1, "width": 3}', "asciicast v1; only v2 and v3"),
        ('{"version": 4}', "asciicast v4; only v2 and v3"),
        ('{"version": 2}', "no screencast"),
        ('{"version": 2, "width": 90000, "height": 1}', "no screencast"),
        ('{"version": 2, "width": "x", "height": 1}', "no screencast"),
        ("[2]", "no screencast"),
        ("\x00\x01", "no screencast"),
    ],
)
def test_foreign_files_are_refused_in_one_line(tmp_path, head, says):
    path = tmp_path / "x.cast"
    path.write_text(head + "\n")
    with pytest.raises(RecordingError, match=says) as error:
        Cast(path)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_and_no_file(tmp_path):
    path = tmp_path / "x.cast"
    path.write_bytes(b"\xff\xfe" * 50)
    with pytest.raises(RecordingError, match="no screencast"):
        Cast(path)
    with pytest.raises(RecordingError, match="No such file"):
        Cast(tmp_path / "nowhere.cast")


def test_damage_in_the_middle_names_the_line(tmp_path):
    path = tmp_path / "x.cast"
    cast_file(path, COUNT)
    data = path.read_text().splitlines()
    data[5] = "[1, 2"
    path.write_text("\n".join(data) + "\n")
    with pytest.raises(RecordingError, match="line 6: no event"):
        shown(Cast(path))


@pytest.mark.parametrize("size", ["0x3", "x", "10", "99999x9", "axb"])
def test_a_size_that_is_none(tmp_path, size):
    cast = cast_file(tmp_path / "x.cast", [[0, "r", size]])
    with pytest.raises(RecordingError, match="no size"):
        shown(cast)


PIECES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["\x1b[", "\x1b]", "\x1bP", "\x1b[?", "\x1b[>", "\x9b", "\x1b#8", "\x1b(0", "\x0e", "m",
         "h", "r", "1;99999", "38;5;999", "38;2;1", "48;2;999;1;1m", ";", ":", "\ud800", "\x00",
         "\ufffe", "\x1b[>4;2m", "\x1b[?1;2c", "\x1b[?5n", "\x1bc", "日"]
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_whatever_a_terminal_was_sent_makes_a_picture(pieces):
    terminal = Terminal(10, 4)
    for piece in ["".join(pieces), *pieces, "\x1bc\x1b[0m\x1b[2J\x1b[1;1Hdone"]:
        terminal.feed(piece)
    frame = terminal.frame(0.0)
    runs = [run for row in frame.rows for run in row]
    assert sum(run.width for run in runs) == 40
    assert all(len(colour) == 6 for run in runs for colour in (run.fg, run.bg))
    picture = still(frame, "t")
    ElementTree.fromstring(picture)
    picture.encode()

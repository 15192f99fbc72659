"""SVG, page and GIF of a small film."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.recording.test_cast_frames import cast_file
from threadscope.recording import gif
from threadscope.recording.errors import RecordingError
from threadscope.recording.export import export_cast
from threadscope.recording.frames import Cut, frame_of, frames
from threadscope.recording.glyphs import boxes
from threadscope.recording.page import page
from threadscope.recording.svg import CELL, LINE, animated, still

WORDS = [[i / 4, "o", f"\x1b[1;1Hword{i}\x1b[2;1H▅█░ & <b>\x1b[3;1H\x1b[44m  \x1b[0m"]
         for i in range(14)]  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def film(tmp_path):
    cast = cast_file(tmp_path / "film.cast", WORDS)
    return [frame for frame, _ in frames(cast, Cut(fps=4))]


def test_a_still_holds_its_words_and_nothing_from_elsewhere(film):
    picture = still(film[-1], 'a "title" & more')
    root = ElementTree.fromstring(picture)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[0] == 'a "title" & more'
    assert "word13" in texts
    assert "& <b>" in texts
    assert "▅" not in picture
    assert not re.search(r'@import|@font-face|<script|url\(|href="(?!#)', picture)
    assert picture.count("http") == 1  # the name space


def test_each_row_is_drawn_once(film):
    picture = animated(film, "t")
    root = ElementTree.fromstring(picture)
    rows = [group for group in root.iter(f"{SVG}g") if group.get("id", "").startswith("r")]
    assert len(rows) == 14 + 2
    uses = [use.get("href") for use in root.iter(f"{SVG}use")]
    assert len(uses) == 14 * 3
    assert set(uses) == {f"#{row.get('id')}" for row in rows}


def test_it_moves_once_for_each_picture_and_stands_still_for_who_wants_that(film):
    picture = animated(film, "t")
    moves = re.findall(r"([\d.]+)%\{transform:translateX\((-?\d+)px\)\}", picture)
    assert [int(x) for _, x in moves[:-1]] == [-20 * CELL * i for i in range(14)]
    moments = [float(moment) for moment, _ in moves]
    assert moments == sorted(moments)
    assert moments[-1] == 100
    reduced = picture.partition("prefers-reduced-motion")[2]
    assert f"animation:none;transform:translateX({-20 * CELL * 13}px)" in reduced


def test_shapes_stand_where_the_characters_do():
    picture = still(frame_of("\x1b[38;2;9;9;9m ▄█", 3, 1), "t")
    assert f"M{CELL} {LINE / 2 - 12:g}h{CELL}v{LINE // 2}h-{CELL}z" in picture
    assert f"M{2 * CELL} -12h{CELL}v{LINE}h-{CELL}z" in picture


def test_the_page_is_whole(film):
    text = page(film, "<t>")
    assert "<title>&lt;t&gt;</title>" in text
    assert re.search(r"const times = \[0\.0, 0\.25, .*, 3\.25\], width = 160;", text)
    assert "@" not in re.sub(r"@media[^{]*", "", text.replace("@keyframes", ""))
    assert not re.search(r"<link|src=|@import|fetch\(|https?://(?!www\.w3\.org/2000/svg)", text)


def test_the_gif_has_all_pictures(tmp_path, film):
    image = pytest.importorskip("PIL.Image", reason="needs the package pillow")
    export_cast(tmp_path / "film.cast", tmp_path / "x.gif", "gif", Cut(fps=4), lambda done: None)
    with image.open(tmp_path / "x.gif") as moving:
        assert moving.n_frames == len(film) == 14
        seen = []
        for i in range(moving.n_frames):
            moving.seek(i)
            seen.append((moving.info["duration"], moving.convert("RGB").tobytes()))
    assert [duration for duration, _ in seen] == [250] * 13 + [3000]
    assert len({picture for _, picture in seen}) == 14


@pytest.mark.parametrize("fonts", [("DejaVuSansMono.ttf",), ()])
def test_letters_are_drawn_with_a_font_of_the_system_or_of_a_package(
    tmp_path, film, fonts, monkeypatch
):
    image = pytest.importorskip("PIL.Image", reason="needs the package pillow")
    monkeypatch.setattr(gif, "FONTS", fonts)
    try:
        gif.write_gif(tmp_path / "x.gif", film[-1:])
    except RecordingError as error:
        pytest.skip(str(error))
    with image.open(tmp_path / "x.gif") as picture:
        letters = picture.convert("RGB").crop((0, 0, 6 * gif.CELL, gif.LINE))
    assert len(letters.getcolors(1000)) > 5


def test_without_a_font_it_says_what_to_install(tmp_path, film, monkeypatch):
    pytest.importorskip("PIL.Image", reason="needs the package pillow")
    monkeypatch.setattr(gif, "FONTS", ())
    monkeypatch.setattr(gif, "PACKAGED", "no_such_package")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecordingError, match="fonts-dejavu-core"):
        gif.write_gif(tmp_path / "x.gif", film)
    assert not (tmp_path / "x.gif").exists()


def test_the_text_is_the_last_picture(tmp_path, film):
    done = []
    export_cast(tmp_path / "film.cast", tmp_path / "x.txt", "txt", Cut(until=2.0), done.append)
    assert (tmp_path / "x.txt").read_text().splitlines()[0] == "word8"
    assert done == sorted(done)


def test_too_many_pictures_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("threadscope.recording.export.MOST_FRAMES", 5)
    cast_file(tmp_path / "x.cast", WORDS)
    with pytest.raises(RecordingError, match="--from and --until"):
        export_cast(tmp_path / "x.cast", tmp_path / "x.svg", "svg", Cut(), lambda done: None)
    assert not (tmp_path / "x.svg").exists()


@pytest.mark.parametrize(
    ("char", "area"),
    [("█", 1), ("▄", 0.5), ("▁", 0.125), ("▌", 0.5), ("▏", 0.125), ("▀", 0.5), ("▐", 0.5),
     ("▕", 0.125), ("▔", 0.125), ("▚", 0.5), ("▙", 0.75)],
)  # fmt: skip
def test_blocks_cover_what_their_names_say(char, area):
    assert sum(box.width * box.height * box.opacity for box in boxes(char)) == area


def test_all_drawn_characters_stay_in_their_cell():
    drawn = [chr(n) for n in (*range(0x2500, 0x25A0), *range(0x2800, 0x2900))]
    known = [char for char in drawn if boxes(char) is not None]
    assert len(known) > 300
    for char in known:
        for box in boxes(char):
            assert 0 <= box.x <= box.x + box.width <= 1.0001
            assert 0 <= box.y <= box.y + box.height <= 1.0001
    assert len(boxes("⣿")) == 8
    assert boxes("a") is None

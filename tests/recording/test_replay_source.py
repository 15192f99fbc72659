from __future__ import annotations

import pytest

from tests.recording.saved import save_session
from threadscope.recording.decode import SessionFile
from threadscope.recording.replay import SPEEDS, Replay

S = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def playing(tmp_path):
    path, clock = tmp_path / "x.tscope", Clock()
    live = save_session(path)

    def start(**named):
        player = Replay(SessionFile(path), clock=clock, **named)
        player.start()
        player.wait()
        return player

    return live, clock, start


def after(player) -> float:
    """Seconds into the session that are shown."""
    latest = player.latest()
    return (latest.at - latest.started) / S


def test_it_has_all_that_was_seen(playing):
    live, _, start = playing
    player = start()
    assert len(player.history) == len(live.seen)
    assert player.length_ns == live.seen[-1].at - live.seen[0].started


def test_its_clock_runs(playing):
    live, clock, start = playing
    player = start()
    assert player.latest().at == live.seen[0].at
    clock.now += 3
    assert 2.8 < after(player) <= 3
    assert not player.ended
    clock.now += 60
    assert player.latest().at == live.seen[-1].at
    assert player.ended


@pytest.mark.parametrize("speed", [0.1, 4, 16])
def test_it_runs_as_fast_as_one_likes(playing, speed):
    _, clock, start = playing
    player = start(speed=speed)
    clock.now += 4 / speed
    assert 3.8 < after(player) <= 4


def test_the_speed_changes_and_the_moment_stays(playing):
    _, clock, start = playing
    player = start()
    clock.now += 2
    shown = after(player)
    player.change_speed(99)
    assert (player.speed, after(player)) == (16, shown)
    player.change_speed(-99)
    assert (player.speed, after(player)) == (SPEEDS[0], shown)
    clock.now += 20
    assert 3.8 < after(player) <= 4


def test_it_pauses_and_goes_on_from_anywhere(playing):
    live, clock, start = playing
    player = start(start_s=2)
    player.pause()
    clock.now += 100
    assert 1.8 < after(player) <= 2
    player.change_speed(1)
    assert 1.8 < after(player) <= 2
    player.play_from(live.seen[0].at)
    assert player.latest().at == live.seen[0].at
    player.play_from(live.seen[-1].at + 99 * S)
    assert player.latest().at == live.seen[-1].at


def test_a_file_that_ends_early_says_so_at_its_end(playing, tmp_path):
    path = tmp_path / "cut.tscope"
    path.write_bytes((tmp_path / "x.tscope").read_bytes()[:-5])
    player = Replay(SessionFile(path))
    player.start()
    player.wait()
    assert "cut off or damaged" in player.history.latest.health.limited
    assert not player.history.first.health.limited

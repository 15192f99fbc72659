from __future__ import annotations

import pytest

from threadscope.tui.pulse import LOOKS, Pulse

PERIOD = 0.25
MOMENT = PERIOD / LOOKS


class Beat:
    """A source with a picture at each multiple of the period after `phase`, and who looks at it."""

    def __init__(self, phase: float) -> None:
        self.phase, self.pulse, self.now, self.seen = phase, Pulse(PERIOD), 0.0, -1
        self.ages: list[float] = []
        self.looks = 0

    def run(self, pictures: int) -> None:
        while len(self.ages) < pictures:
            newest = int((self.now - self.phase) // PERIOD)
            found = newest > self.seen >= 0
            if found:
                self.ages.append(self.now - self.phase - newest * PERIOD)
            self.seen = newest
            self.looks += 1
            self.now += self.pulse.looked(self.now, found)


@pytest.mark.parametrize("phase", [0.0, 0.04, 0.13, 0.24])
def test_pictures_are_seen_soon_after_they_are_there_whatever_the_source_s_beat(phase):
    beat = Beat(phase)
    beat.run(60)
    assert max(beat.ages[30:]) <= 2 * MOMENT
    assert beat.looks <= 60 * 3 + LOOKS, "few looks in vain"


def test_a_source_that_slips_is_followed():
    beat = Beat(0.0)
    beat.run(30)
    beat.phase = 0.1
    beat.run(90)
    assert max(beat.ages[60:]) <= 2 * MOMENT


def test_a_picture_that_is_late_does_not_put_off_the_next():
    beat = Beat(0.0)
    beat.run(30)
    on_time = beat.phase
    for _ in range(5):
        beat.phase = on_time + 0.12
        beat.run(len(beat.ages) + 1)
        beat.phase = on_time
        beat.run(len(beat.ages) + 1)
        assert beat.ages[-1] <= 2 * MOMENT
        beat.run(len(beat.ages) + 5)


def test_without_pictures_it_looks_now_and_then():
    pulse, now, looks = Pulse(PERIOD), 0.0, 0
    while now < 10:
        looks += 1
        now += pulse.looked(now, False)
    assert looks <= LOOKS + 1 + 10 / (5 * MOMENT) + 1


def test_a_look_that_comes_late_does_not_put_off_the_next():
    pulse = Pulse(PERIOD)
    due = pulse.looked(1.0, True)
    late = 1.0 + due + 0.1
    assert pulse.looked(late, True) == pytest.approx(PERIOD - MOMENT - 0.1)


def test_after_a_long_sleep_it_does_not_catch_up():
    pulse = Pulse(PERIOD)
    pulse.looked(1.0, True)
    assert pulse.looked(1000.0, True) == pytest.approx(PERIOD - MOMENT)

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from threadscope.pauses import NEW, UNSEEN, ShortPauses


class Knot:
    """Holds itself: only the collector can find that nobody else does."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _only_by_hand() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_what_a_full_collection_has_left_is_not_looked_at_again() -> None:
    with ShortPauses():
        kept = [Knot() for _ in range(1000)]
        gc.collect()
        assert gc.get_freeze_count() >= len(kept)
        assert gc.get_count()[2] == 0
        assert not any(isinstance(one, Knot) for one in gc.get_objects())
    assert gc.get_freeze_count() == 0


def test_what_soon_goes_by_itself_is_not_looked_at_before() -> None:
    before = gc.get_threshold()
    with ShortPauses():
        assert gc.get_threshold()[0] > before[0]
    assert gc.get_threshold() == before


def test_new_garbage_is_found() -> None:
    with ShortPauses():
        gc.collect()
        lost = weakref.ref(Knot())
        gc.collect()
        assert lost() is None


def test_it_stays_out_of_the_way_until_then() -> None:
    with ShortPauses(whole_s=3600.0):
        knot = Knot()
        gc.collect()
        lost = weakref.ref(knot)
        del knot
        gc.collect()
        assert lost() is not None
    gc.collect()
    assert lost() is None


def test_what_outlived_two_looks_is_left_alone() -> None:
    with ShortPauses():
        kept = [Knot() for _ in range(1000)]
        gc.collect(0)
        assert any(isinstance(one, Knot) for one in gc.get_objects())
        gc.collect(1)
        assert not any(isinstance(one, Knot) for one in gc.get_objects())
        assert gc.get_freeze_count() >= len(kept)


def test_a_rest_is_used_where_there_is_much_that_is_new() -> None:
    with ShortPauses() as pauses:
        gc.collect()
        lost = weakref.ref(Knot())
        pauses.rest()
        assert lost() is not None, "a look was not worth it"
        kept = [Knot() for _ in range(NEW)]
        pauses.rest()
        assert lost() is None
        assert gc.get_freeze_count() >= len(kept), "what is left is not looked at again"


def test_where_there_was_no_garbage_it_is_not_looked_for_each_time() -> None:
    with ShortPauses() as pauses:
        gc.collect(1)
        lost, kept = weakref.ref(Knot()), []
        for _ in range(UNSEEN):
            kept += [Knot() for _ in range(NEW)]
            pauses.rest()
            assert gc.get_freeze_count() >= len(kept), "it is not looked at again"
        assert lost() is not None
        found = weakref.ref(Knot())
        kept += [Knot() for _ in range(NEW)]
        pauses.rest()
        assert found() is None
    gc.collect()
    assert lost() is None


def test_where_there_was_garbage_it_is_looked_for_again() -> None:
    with ShortPauses() as pauses:
        gc.collect(1)
        knots = [Knot() for _ in range(NEW)]
        del knots
        gc.collect(1)
        lost, kept = weakref.ref(Knot()), [Knot() for _ in range(NEW)]
        pauses.rest()
        assert lost() is None
        assert kept


def test_what_became_garbage_later_is_found_when_it_is_time_to_look_at_all() -> None:
    with ShortPauses(whole_s=0.0) as pauses:
        knot = Knot()
        gc.collect()  # finds it in use
        lost = weakref.ref(knot)
        del knot
        gc.collect()
        assert lost() is not None
        pauses.rest()
        assert lost() is None, "however few new objects there are"
        assert gc.get_freeze_count(), "what is left is not looked at again"


def test_all_is_not_looked_at_again_before_its_time() -> None:
    with ShortPauses(whole_s=3600.0) as pauses:
        knot = Knot()
        gc.collect()
        lost = weakref.ref(knot)
        del knot
        pauses.rest()
        assert lost() is not None


def test_threads_wait_less_for_one_another_while_it_lasts() -> None:
    before = sys.getswitchinterval()
    with ShortPauses():
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before

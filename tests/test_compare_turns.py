"""The order in which variants are measured; that they are is tested with real servers."""

from __future__ import annotations

from collections import Counter

from threadscope.compare import turns
from threadscope.targets.demo_list import DEMOS

CPU, BLOCKING = DEMOS["cpu"], DEMOS["blocking"]


def test_rounds_are_interleaved_and_every_other_one_goes_backwards():
    order = [(turn.round, turn.title) for turn in turns([CPU, BLOCKING], 2)]
    first = ["cpu async", "cpu def", "blocking await", "blocking def", "blocking mistake"]
    assert order == [*((1, name) for name in first), *((2, name) for name in reversed(first))]


def test_each_variant_has_its_turn_once_a_round():
    counts = Counter((turn.demo.name, turn.variant) for turn in turns(list(DEMOS.values()), 3))
    assert set(counts.values()) == {3}
    assert len(counts) == sum(len(demo.variants) for demo in DEMOS.values())

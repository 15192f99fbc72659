from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from threadscope.rings.tables import Table

ITEM = 4


def parsed(data):
    return [data[at : at + ITEM] for at in range(0, len(data), ITEM) if any(data[at : at + ITEM])]


def test_only_what_changed_is_taken_apart():
    asked = []

    def parse(data):
        asked.append(data)
        return parsed(data)

    table = Table(parse, 2 * ITEM)
    first = b"aaaabbbbccccddddeeee"
    assert table.read(first) == [b"aaaa", b"bbbb", b"cccc", b"dddd", b"eeee"]
    assert asked == [b"aaaabbbb", b"ccccdddd", b"eeee"]
    asked.clear()
    assert table.read(first) is table.read(first)
    assert table.read(b"aaaabbbbcccc\0\0\0\0eeee") == [b"aaaa", b"bbbb", b"cccc", b"eeee"]
    assert asked == [b"cccc\0\0\0\0"]


@given(st.lists(st.lists(st.sampled_from([b"\0" * ITEM, b"aaaa", b"bbbb"]), max_size=9)))
def test_it_is_as_if_all_had_been_taken_apart(looks):
    table = Table(parsed, 3 * ITEM)
    for look in looks:
        data = b"".join(look)
        assert table.read(data) == parsed(data)

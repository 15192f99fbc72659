"""A table of a ring that is read again and again: only what changed is taken apart anew."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Generic, TypeVar

T = TypeVar("T")


class Table(Generic[T]):
    """What a table held when it was last read.

    Args:
        parse: takes some whole items of it apart.
        block: bytes that are parsed together, whole items; in a large table most blocks stay.
    """

    __slots__ = ("_block", "_blocks", "_data", "_entries", "_parse")

    def __init__(self, parse: Callable[[bytes], list[T]], block: int) -> None:
        self._parse, self._block = parse, block
        self._data = b""
        self._blocks: list[list[T]] = []
        self._entries: list[T] = []

    def read(self, data: bytes) -> list[T]:
        """The entries; the same list while nothing changes.

        Args:
            data: the whole table as it is now.
        """
        if data == self._data:
            return self._entries
        old, size, blocks = self._data, self._block, self._blocks
        for number, at in enumerate(range(0, len(data), size)):
            part = data[at : at + size]
            if part != old[at : at + size]:
                blocks[number : number + 1] = [self._parse(part)]
        del blocks[-(-len(data) // size) :]
        self._data, self._entries = data, list(chain.from_iterable(blocks))
        return self._entries

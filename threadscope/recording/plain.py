"""The model's values as JSON, and back by their types.

Unknown keys are ignored and missing ones take the field's default, so that a file can be of
another age than the program. Query strings never get into a file, and nothing that steers a
terminal comes out of one.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from threadscope.model.histogram import Histogram
from threadscope.model.text import clean

T = TypeVar("T")
MOST_TEXT = 4000
"""Characters of one text: a command line, say."""
_QUERY = re.compile(r"(/[^\s?'\"]*)\?[^\s'\"]*")
_hints = cache(get_type_hints)


def without_queries(text: str) -> str:
    """`GET /items?key=1` as `GET /items`."""
    return _QUERY.sub(r"\1", text)


def to_plain(value: Any) -> Any:  # noqa: ANN401  # any value of the model
    """A value as JSON knows it."""
    if isinstance(value, str):
        return without_queries(str(value))
    if isinstance(value, Histogram):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def from_plain(value: Any, hint: Any) -> Any:  # noqa: ANN401  # JSON in, a type's value out
    """The value that a type wants.

    Args:
        value: of `to_plain`.
        hint: the type, as an annotation says it.

    Raises:
        TypeError, ValueError, KeyError: it does not fit.
    """
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is UnionType:  # only `X | None` is in use
        return None if value is None else from_plain(value, args[0])
    if origin in (dict, Mapping):
        return {clean(key): from_plain(item, args[1]) for key, item in value.items()}
    if origin is Sequence or (origin is tuple and args[1:] == (...,)):
        return tuple(from_plain(item, args[0]) for item in value)
    if origin is frozenset:
        return frozenset(from_plain(item, args[0]) for item in value)
    if origin is tuple:
        return tuple(from_plain(item, arg) for item, arg in zip(value, args, strict=True))
    if hint is Histogram:
        return Histogram.from_json(value)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(hint)
        known = {name: value[name] for name in hints if name in value}
        return hint(**{name: from_plain(item, hints[name]) for name, item in known.items()})
    if issubclass(hint, StrEnum):
        return hint(value)
    if issubclass(hint, tuple):  # a NamedTuple
        hints = _hints(hint)
        return hint(*map(from_plain, value, hints.values()))
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TypeError(f"{value!r:.40} is no {hint.__name__}")
    return clean(value, MOST_TEXT) if hint is str else value


def checked(kind: type[T], values: Sequence[Any]) -> T:
    """A NamedTuple of texts and numbers, as `from_plain` makes it, for thousands of them a second.

    Raises:
        TypeError: they do not fit.
    """
    fits: tuple[tuple[type, ...], ...] = _fitting(cast(Hashable, kind))
    if len(values) > len(fits):
        raise TypeError(f"{values!r:.40} is no {kind.__name__}")
    for value, types in zip(values, fits, strict=False):
        if type(value) not in types:
            raise TypeError(f"{value!r:.40} is nothing in a {kind.__name__}")
    return kind(*[clean(value) if type(value) is str else value for value in values])


@cache
def _fitting(kind: Hashable) -> tuple[tuple[type, ...], ...]:
    """The types that each field of a NamedTuple can have."""
    return tuple(get_args(hint) or (hint,) for hint in _hints(kind).values())

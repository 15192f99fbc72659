"""Observations as files: what the aggregator made of real runs, written by `save_observations`."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from threadscope.model.observation import Observation

FOLDER = Path(__file__).parent / "observations"


def to_json(value: Any) -> Any:
    """Fields by name, NamedTuples too; numbers with no more digits than they are worth."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return {name: to_json(item) for name, item in value._asdict().items()}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def from_json(kind: Any, data: Any) -> Any:
    """The value of a type from its `to_json`."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        present = next(one for one in inner if one is not type(None))
        return None if data is None else from_json(present, data)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is ...:
            return tuple(from_json(inner[0], item) for item in data)
        return tuple(from_json(one, item) for one, item in zip(inner, data, strict=True))
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        return kind(**{name: from_json(hints[name], item) for name, item in data.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    return data


def save(name: str, observation: Observation, about: Mapping[str, str]) -> None:
    """Writes `observations/NAME.json`, without what no lint looks at."""
    routes = tuple(dataclasses.replace(route, slow=()) for route in observation.routes)
    slim = dataclasses.replace(observation, routes=routes, holds=observation.holds[-40:])
    text = json.dumps({"about": about, "observation": to_json(slim)}, separators=(",", ":"))
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def load(path: Path) -> Observation:
    """Reads one."""
    found: Observation = from_json(Observation, json.loads(path.read_text())["observation"])
    return found

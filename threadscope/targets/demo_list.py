"""What demos there are: each file of the demo folder says itself how it is asked."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import threadscope
from threadscope.model.snapshot import Variant

from .errors import TargetError

LAST = 1_000
"""The place in the list of a demo that names none."""


@dataclass(frozen=True, slots=True)
class DemoVariant:
    """One way to answer the same request."""

    variant: Variant
    path: str
    """What a client asks for, `{client}` being its number: `/cpu/async/{client}`."""
    route: str
    """As the app writes it."""


@dataclass(frozen=True, slots=True)
class DemoBeside:
    """A light request that is asked beside the heavy ones, in every variant."""

    path: str
    rate: float
    """Requests a second."""


@dataclass(frozen=True, slots=True)
class Demo:
    """One app of the demo folder."""

    name: str
    summary: str
    """One line for the list of demos."""
    app: str
    """As uvicorn takes it: `cpu:app`."""
    variants: tuple[DemoVariant, ...]
    clients: int
    """That ask at the same time, each again as soon as it was answered."""
    compare_clients: int = 0
    """The same in `threadscope compare`, where a round is short; 0: as many."""
    bursts: tuple[int, ...] = ()
    """Instead of clients that go on: so many requests at once, then the next size."""
    beside: tuple[DemoBeside, ...] = ()
    workers: int = 1
    """Processes that serve; 0: one a core."""
    work: str = "additions"
    """What `--work` counts; "": a request does no work."""
    access_log: bool = False
    """Whether uvicorn prints a line a request: at thousands a second it is what costs most."""


def demo_folder() -> Path:
    """Where the demo apps are: in the package, or beside it in a checkout.

    Raises:
        TargetError: they are nowhere.
    """
    package = Path(threadscope.__file__).parent
    for folder in (package / "_demo_apps", package.parent / "demo_apps"):
        if (folder / "cpu.py").is_file():
            return folder
    raise TargetError(
        f"the demo apps are missing beside {package}: reinstall threadscope, with"
        " `pip install --force-reinstall threadscope`"
    )


def demos(folder: Path) -> dict[str, Demo]:
    """The demos of a folder by name, in the order in which they are best looked at.

    Each `.py` file with a `DEMO` is one. It is read and not run: the apps import FastAPI.

    Raises:
        TargetError: a `DEMO` cannot be understood.
    """
    found = []
    for file in folder.glob("*.py"):
        said = _said(file)
        if said is not None:
            place = said.pop("place", LAST)
            found.append((place, file.stem, _demo(file, said)))
    return {demo.name: demo for _, _, demo in sorted(found, key=lambda one: one[:2])}


def _said(file: Path) -> dict[str, Any] | None:
    """What stands behind `DEMO =`; None where that stands nowhere."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DEMO":
            try:
                return dict(ast.literal_eval(node.value))
            except (ValueError, TypeError):
                raise TargetError(f"{file}: DEMO is no dictionary of literals") from None
    return None


def _demo(file: Path, said: dict[str, Any]) -> Demo:
    try:
        return Demo(
            **{
                "name": file.stem,
                "app": f"{file.stem}:app",
                **said,
                "variants": tuple(_variant(*one) for one in said["variants"].items()),
                "beside": tuple(DemoBeside(*one) for one in said.get("beside", {}).items()),
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise TargetError(f"{file}: DEMO cannot be understood: {error}") from error


def _variant(key: str, title: str) -> DemoVariant:
    """`async def /hello/async`: in a few words what is special, and the route."""
    path = title.rpartition(" ")[2]
    return DemoVariant(Variant(key, title), path, path)


DEMOS: dict[str, Demo] = demos(demo_folder())
"""By name, in the order in which they are best looked at."""

"""Tables, medians of paired rounds, and the verdict over the budgets."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import psutil


class Budget(NamedTuple):
    """What something may cost at most, and what it cost."""

    what: str
    measured: float
    limit: float
    unit: str = ""
    beside: Mapping[str, float] = {}  # never changed
    """What others took of the same, by name."""

    @property
    def held(self) -> bool:
        """Whether it stayed within."""
        return self.measured <= self.limit

    def line(self) -> str:
        """`within budget  async def: 4.10 us, at most 5 us`."""
        verdict = "within budget" if self.held else "OVER BUDGET"
        digits = 2 if self.unit else 3  # a ratio: 1.051 must not look like 1.05
        measured = f"{self.measured:.{digits}f}{self.unit}"
        limit = f"{self.limit:g}{self.unit}"
        return f"{verdict:<13}  {self.what}: {measured}, at most {limit}"


def verdict(budgets: Iterable[Budget]) -> tuple[list[str], int]:
    """A line for each budget, and the exit status: 1 when one was missed."""
    known = list(budgets)
    return [budget.line() for budget in known], int(not all(budget.held for budget in known))


def paired(
    rounds: Sequence[dict[str, float]], one: str, base: str, how: Callable[[float, float], float]
) -> float:
    """Compares within each round, where the machine was in the same mood; the median of that.

    Args:
        rounds: what each round measured, by configuration.
        one: this configuration,
        base: against this one.
        how: the comparison: a difference, a ratio.
    """
    return statistics.median(how(measured[one], measured[base]) for measured in rounds)


def median(rounds: Sequence[dict[str, float]], one: str) -> float:
    """The median of a configuration over all rounds."""
    return statistics.median(measured[one] for measured in rounds)


def turns(names: Sequence[str], rounds: int) -> list[list[str]]:
    """Who comes when: each round begins with another one, every second one goes backwards."""
    out = []
    for number in range(rounds):
        shift = number // 2 % len(names)
        order = [*names[shift:], *names[:shift]]
        out.append(order[::-1] if number % 2 else order)
    return out


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left, numbers to the right."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join(
            text.rjust(width) if column else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def installed(package: str) -> str | None:
    """Its version; None when it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine(*packages: str) -> list[str]:
    """What the figures depend on: host, load, Python, versions."""
    known = [f"{name} {found}" for name in packages if (found := installed(name))]
    busy = f"load average {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    return [
        f"{platform.platform()}, {os.cpu_count()} CPUs ({cpu_model()}), {busy}",
        f"{platform.python_implementation()} {platform.python_version()}, {', '.join(known)}",
    ]


def cpu_model() -> str:
    """As the kernel names it; the architecture where it does not."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def bystanders() -> str:
    """A warning when the machine is busy with other things, "" when it is quiet."""
    busy = psutil.cpu_percent(interval=0.5)
    return f"the machine is {busy:.0f} % busy with other things: expect noise" if busy > 15 else ""


def ring_place() -> str | None:
    """A folder on tmpfs for ring files; None: where temporary files go."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """The options that all benchmarks have.

    Args:
        description: the script's docstring.
        rounds: how many paired rounds without --quick and --rounds.
    """
    out = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    out.add_argument(
        "--rounds", type=_positive, default=rounds, help=f"paired rounds (default: {rounds})"
    )
    out.add_argument(
        "--quick", action="store_true", help="few short rounds: does it work? No figures to quote"
    )
    json_option(out)
    return out


def json_option(arguments: argparse.ArgumentParser) -> None:
    """Adds `--json`, for scripts with options of their own; see `results.py`."""
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write it all down as JSON")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)

"""What a benchmark has to say: on the terminal, and with --json in a file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.table import Budget, bystanders, cpu_model, installed, machine, table, verdict


class Broken(Exception):
    """The measurement cannot be believed; the message says why."""


class Results:
    """What one script measures: `show` tables, `say` the rest, `judge` at the end.

    Args:
        options: of the command line, see `parser`.
        packages: whose versions the figures depend on.
    """

    def __init__(self, options: argparse.Namespace, *packages: str) -> None:
        self._file: Path | None = options.json
        self._began = time.monotonic()
        print("\n".join(machine(*packages)))
        busy = bystanders()
        print(busy or "the machine is otherwise quiet", flush=True)
        self._known: dict[str, Any] = {
            "script": Path(sys.argv[0]).stem,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": bool(getattr(options, "quick", False)),
            "host": {
                "platform": platform.platform(),
                "cpu": cpu_model(),
                "cpus": os.cpu_count(),
                "load_average": round(os.getloadavg()[0], 2),
                "beside": busy,
                "python": f"{platform.python_implementation()} {platform.python_version()}",
            },
            "versions": {name: found for name in packages if (found := installed(name))},
            "notes": [],
            "tables": [],
            "budgets": [],
            "error": None,
        }

    def show(self, title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table, with what it is about above it. Each column has a heading of its own."""
        known = [list(row) for row in rows]
        print(f"\n{title}")
        print("\n".join(table(head, known)), flush=True)
        filled = [dict(zip(head, row, strict=True)) for row in known]
        self._known["tables"].append({"title": title, "head": list(head), "rows": filled})

    def say(self, text: str) -> None:
        """A sentence that belongs to the figures."""
        print(text, flush=True)
        self._known["notes"].append(text)

    def judge(self, budgets: Iterable[Budget]) -> int:
        """The verdict, and the end; the exit status."""
        known = list(budgets)
        lines, status = verdict(known)
        print("\n" + "\n".join(lines))
        self._known["budgets"] = [one._asdict() | {"held": one.held} for one in known]
        self._write()
        return status

    def fail(self, why: object) -> int:
        """It could not be measured; the exit status."""
        print(f"Error: {why}", file=sys.stderr)
        self._known["error"] = str(why)
        self._write()
        return 1

    def _write(self) -> None:
        if self._file is not None:
            self._known["seconds"] = round(time.monotonic() - self._began)
            self._file.write_text(json.dumps(self._known, indent=1) + "\n")

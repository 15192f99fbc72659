"""Starlette's own tests, without the probe and with it: they must end alike.

    python scripts/starlette_suite.py

Downloads the source package of the Starlette that is installed and runs its tests twice in this
Python, the second time with the start-up hook and an awake probe. It needs the packages that they
need. The probe counts as errors of its own the requests without headers that some tests make up.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from threadscope.rings.folder import probe_environment
from threadscope.rings.set import RingSet

OPTIONS = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=line", "-rfE", "--maxfail=999"]


def source(folder: Path) -> Path:
    """The source tree of the installed Starlette."""
    version = importlib.metadata.version("starlette")
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
         "--no-build-isolation", "-d", str(folder), f"starlette=={version}"],
        check=True,
    )  # fmt: skip
    [package] = folder.glob("starlette-*.tar.gz")
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"starlette-{version}"


def outcome(tree: Path, env: Mapping[str, str]) -> tuple[str, list[str]]:
    """Its summary without the time, and the tests that failed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests", *OPTIONS],
        cwd=tree, env=dict(env), capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    failed = sorted(line for line in lines if line.startswith(("FAILED", "ERROR")))
    summary = re.sub(r" in [\d.]+s.*", "", lines[-1]) if lines else done.stderr.strip()
    return summary, [line.partition(" - ")[0] for line in failed]


class Awake:
    """Keeps probes awake, as a monitor does: they sleep when nobody watches."""

    def __init__(self, folder: Path) -> None:
        self._rings = RingSet(folder)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat)
        self.seen = self.errors = 0
        """Requests that ended, and the probe's own errors."""

    def __enter__(self) -> Awake:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for batch, _load in self._rings.read(time.monotonic_ns()):
            self.seen += sum(cell.ended for cell in batch.cells)
            self.errors += batch.errors
        self._rings.close()

    def _beat(self) -> None:
        while not self._over.wait(0.1):
            for _ in self._rings.read(time.monotonic_ns()):
                pass


def main() -> int:
    """Runs both and compares."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = source(folder)
        rings = folder / "rings"
        rings.mkdir()
        without = outcome(tree, os.environ)
        with Awake(rings) as monitor:
            watched = outcome(tree, probe_environment(rings, dict(os.environ)))
        seen, errors = monitor.seen, monitor.errors
    print(f"without the probe: {without[0]}")
    print(f"with the probe:    {watched[0]}; it saw {seen:,} requests, errors of its own: {errors}")
    different = set(without[1]) ^ set(watched[1])
    for line in sorted(different):
        print("different:", line)
    return bool(different or without[0] != watched[0])


if __name__ == "__main__":
    sys.exit(main())

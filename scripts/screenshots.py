"""Makes what is in `screenshots/` from real runs of the demos, without a terminal.

    python scripts/screenshots.py

Real servers, real loads, the real screen: `threadscope demo` with --size. The stills are its last
picture; the films are its screencasts, as SVG that moves in a README.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "screenshots"
STILLS: Mapping[str, tuple[str, ...]] = {
    f"cpu-{mode}{suffix}.svg": ("cpu", "--mode", mode, "--size", size)
    for mode in ("async", "def")
    for suffix, size in (("", "120x36"), ("-80x24", "80x24"), ("-200x50", "200x50"))
} | {
    "workers-def.svg": ("workers", "--mode", "def", "--size", "120x36"),
    "pool-shared.svg": ("pool", "--mode", "shared", "--size", "120x36"),
}
FILMS = {"cpu-tour.svg": ("-z", "5s", "--size", "110x32")}
FPS = "3"
MOST_BYTES = 1_000_000
"""More is a nuisance to whoever opens the README."""


def threadscope(*arguments: str | Path) -> None:
    """Runs a command of ours."""
    subprocess.run([sys.executable, "-m", "threadscope", *arguments], check=True)


def main() -> None:
    """All pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, options in STILLS.items():
        threadscope("demo", *options, "-z", "5s", "--screenshot", FOLDER / name)
        print(FOLDER / name)
    with tempfile.TemporaryDirectory() as folder:
        for name, options in FILMS.items():
            cast, film = Path(folder, "film.cast"), FOLDER / name
            threadscope("demo", "cpu", "--record", cast, *options)
            threadscope("export", cast, "-o", film, "--fps", FPS)
            print(film, f"{film.stat().st_size:,} bytes")
            if film.stat().st_size > MOST_BYTES:
                sys.exit(f"{film} has more than {MOST_BYTES:,} bytes")


if __name__ == "__main__":
    main()

"""Takes the pictures in `screenshots/` from real runs of the CPU demo, without a terminal.

    python scripts/screenshots.py

A real server, a real load, the real screen: only the terminal is missing, and Textual draws what
it would have shown as SVG.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")

from threadscope.demo import demo_session
from threadscope.session import Options
from threadscope.targets.demos import DEMOS
from threadscope.tui.app import ThreadscopeApp

FOLDER = Path(__file__).parent.parent / "screenshots"
SIZES = {"": (120, 36), "-80x24": (80, 24), "-200x50": (200, 50)}
WATCHED_S = 9.0


async def picture(mode: str, size: tuple[int, int]) -> str:
    """Watches one variant for some seconds; the screen as SVG."""
    session = demo_session(DEMOS["cpu"], Options(clients=4))
    session.start()
    try:
        session.play([mode], seconds=None)
        app = ThreadscopeApp(session, session)
        async with app.run_test(size=size) as pilot:
            await asyncio.sleep(WATCHED_S)
            await pilot.pause()
            svg = app.export_screenshot(title=f"threadscope demo cpu --mode {mode}")
            return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # nothing from elsewhere
    finally:
        session.close()


def main() -> None:
    """All pictures."""
    FOLDER.mkdir(exist_ok=True)
    for mode in ("async", "def"):
        for suffix, size in SIZES.items():
            path = FOLDER / f"cpu-{mode}{suffix}.svg"
            path.write_text(asyncio.run(picture(mode, size)))
            print(path)


if __name__ == "__main__":
    main()

"""Writes what the explanations of lints quote of real runs, and docs/lints.md of all of it.

The quotes come from the observations that `benchmarks/lints_live.py --save` keeps for the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.lints.quoted import refreshed  # noqa: E402  # not installed: found beside us
from threadscope.lints.catalog import LINTS  # noqa: E402
from threadscope.lints.explain import page  # noqa: E402

for name in LINTS:
    path = ROOT / "threadscope" / "lints" / "texts" / f"{name}.md"
    path.write_text(refreshed(path.read_text(encoding="utf-8"), name), encoding="utf-8")
(ROOT / "docs" / "lints.md").write_text(page(), encoding="utf-8")

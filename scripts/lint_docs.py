"""Writes docs/lints.md from the texts that `threadscope explain` prints."""

from __future__ import annotations

from pathlib import Path

from threadscope.lints.explain import page

(Path(__file__).parent.parent / "docs" / "lints.md").write_text(page(), encoding="utf-8")

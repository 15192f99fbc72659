"""What the explanations quote of real runs: made of the observations that are kept beside this.

A line `> demo cpu async: ...` in a text stands for one observation, and what the lint says of it.
"""

from __future__ import annotations

import re
from textwrap import fill

from tests.lints.saved import FOLDER, load
from threadscope.lints.judge import evaluate
from threadscope.model.observation import Observation
from threadscope.report.units import duration, rate

NOTHING = "This lint found nothing."
_QUOTE = re.compile(r"^> demo ([a-z]+) ([a-z]+):.*(?:\n>.*)*$", re.MULTILINE)


def refreshed(text: str, lint: str) -> str:
    """A text with its quotes as the observations have them."""
    return _QUOTE.sub(lambda quote: _quote(lint, quote[1], quote[2]), text)


def _quote(lint: str, demo: str, variant: str) -> str:
    seen = load(FOLDER / f"{demo}-{variant}.json")
    said = next((x.message for x in evaluate(seen) if x.lint == lint), "")
    sentence = f"{said[0].upper()}{said[1:]}." if said else NOTHING
    line = f"demo {demo} {variant}: {_figures(seen)}. {sentence}"
    return fill(
        line, 100, initial_indent="> ", subsequent_indent="> ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _figures(seen: Observation) -> str:
    most = max(seen.routes, key=lambda route: route.completed)
    return f"{rate(seen.done / seen.seconds)} req/s, median {duration(most.client_latency.p50)}"

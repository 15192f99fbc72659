"""What each lint means, why it fires, how to fix it and what that costs: the texts, and a page."""

from __future__ import annotations

from importlib.resources import files

from threadscope.lints.catalog import LINTS
from threadscope.lints.lint import Lint

_HEAD = """# Lints

What threadscope has to say about the numbers. A lint looks at the last seconds, live, or at a whole
measurement, in a report; it says *ok*, *not enough data*, or why it fires. Findings stand below the
word for the behaviour on the screen, in the summary at the end and in the report (`findings`).
`threadscope explain NAME` prints the same texts as this page.

`-A NAME` silences a lint, `-W NAME` makes its findings warnings, `all` means all of them, and
`--set NAME=VALUE` sets a threshold: `--set loop-blocked=50ms`. `threadscope check` runs a command
under load and exits with 1 when a finding is a warning or worse.

Where a process of the server was stopped (`kill -STOP`) for more than 1 % of the time, all lints
but those that count (`generator-bound`, `errors`, `events-dropped`) say *not enough data*: what was
in the server took so much longer. Below that, steps and heartbeats that a stop made late are left
out.

What is quoted of the demos are runs of 3 s on 2 cores of a shared virtual machine (AMD EPYC, Linux
6.18, CPython 3.11.7), which other work kept busy: the sentences are those of any machine, the
figures are not.
"""


def explanation(lint: Lint) -> str:
    """What a lint means, as Markdown without a title."""
    source = files("threadscope.lints") / "texts" / f"{lint.name}.md"
    return source.read_text(encoding="utf-8").strip()


def facts(lint: Lint) -> list[tuple[str, str]]:
    """Level, condition and threshold in words."""
    return [
        ("level", lint.level.value),
        ("fires when", lint.fires),
        ("threshold", f"{lint.threshold.text()}: {lint.threshold.of}"),
    ]


def article(lint: Lint) -> str:
    """Everything about one lint, for a terminal."""
    head = "\n".join(f"{name:<11} {text}" for name, text in facts(lint))
    body = explanation(lint).replace("**", "").replace("`", "")
    return f"{lint.name}\n\n{head}\n\n{body}"


def listing() -> list[str]:
    """A line a lint."""
    width = max(map(len, LINTS))
    return [f"{lint.name:<{width}}  {lint.level.value:<7}  {lint.fires}" for lint in LINTS.values()]


def page() -> str:
    """`docs/lints.md`."""
    rows = ["| lint | level | fires when | threshold |", "|---|---|---|---|"]
    rows += [
        f"| [`{x.name}`](#{x.name}) | {x.level.value} | {x.fires} | {x.threshold.text()}:"
        f" {x.threshold.of} |"
        for x in LINTS.values()
    ]
    parts = [f"## {lint.name}\n\n{explanation(lint)}" for lint in LINTS.values()]
    return "\n".join([_HEAD, *rows, "", "\n\n".join(parts), ""])

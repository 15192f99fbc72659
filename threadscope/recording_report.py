"""The report of a saved session: computed again, it is what the live run gave."""

from __future__ import annotations

import json
from pathlib import Path

from threadscope.lints.judge import Lints, Settings
from threadscope.recording.decode import SessionFile
from threadscope.recording.errors import RecordingError
from threadscope.recording.feed import read_results
from threadscope.recording.plain import from_plain
from threadscope.report.document import document
from threadscope.report.markdown import markdown


def judge_of(file: SessionFile) -> Lints:
    """Who says what was wrong in a session: the lints as they were set then."""
    known = file.header.settings
    try:
        return Lints(from_plain(known, Settings) if known else None)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise RecordingError(f"{file.path} holds settings that this version cannot read") from error


def saved_report(path: Path, form: str) -> tuple[str, str]:
    """The report.

    Args:
        path: of the session.
        form: `json` or `markdown`.

    Returns:
        The text, and why the file ends early ("" if it does not).

    Raises:
        RecordingError: the file cannot be read, or no phase of it ended.
    """
    file, saved = read_results(path, judge_of)
    if not saved.finished:
        why = f" ({saved.trouble})" if saved.trouble else ""
        raise RecordingError(f"{path}: no measurement ended in it{why}; `threadscope replay` it")
    whole = document(saved.target.title.removeprefix("demo "), saved.target, saved.finished)
    whole["host"] |= file.header.host
    whole["threadscope"] = file.header.threadscope
    text = json.dumps(whole, indent=1) if form == "json" else markdown(saved.target, saved.finished)
    return text, saved.trouble

"""Each lint has an explanation, and the page says what the command says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.lints.quoted import NOTHING, refreshed
from tests.lints.saved import FOLDER
from threadscope.lints.catalog import LINTS
from threadscope.lints.explain import article, explanation, listing, page

PAGE = Path(__file__).parent.parent.parent / "docs" / "lints.md"


def test_the_page_is_made_of_the_same_texts():
    assert PAGE.read_text(encoding="utf-8") == page(), "run scripts/lint_docs.py"


@pytest.mark.parametrize("name", LINTS)
def test_an_explanation_says_what_why_from_where_on_how_and_at_what_cost(name):
    heads = re.findall(r"^\*\*(.+?)\*\*", explanation(LINTS[name]), re.MULTILINE)
    assert [head.split()[0] for head in heads[:4]] == ["What", "Why", "Why", "How"]
    assert heads[2] == f"Why {LINTS[name].threshold.text()}.", "where the threshold comes from"
    assert heads[4] in ("What the fix costs.", "What it costs.")


def test_no_text_is_left_over():
    texts = Path(explanation.__code__.co_filename).parent / "texts"
    assert {path.stem for path in texts.glob("*.md")} == set(LINTS)


@pytest.mark.parametrize("name", LINTS)
def test_texts_name_only_lints_and_demos_that_exist(name):
    text = explanation(LINTS[name])
    assert set(re.findall(r"`([a-z]+-[a-z-]+)`", text)) <= set(LINTS)


@pytest.mark.parametrize("name", LINTS)
def test_what_is_quoted_of_a_run_is_what_the_lint_says_of_it(name):
    text = explanation(LINTS[name])
    assert refreshed(text, name) == text, "run scripts/lint_docs.py"


def test_some_of_what_is_quoted_is_a_finding_and_the_host_is_named():
    quotes = re.findall(r"^> demo .*", page(), re.MULTILINE)
    assert len(quotes) > 10
    assert page().count(NOTHING) < len(quotes) / 2
    for path in FOLDER.glob("*.json"):
        about = json.loads(path.read_text())["about"]
        kernel = re.search(r"-(\d+\.\d+)\.", about["host"])[1]
        assert f"{about['cpus']} cores of " in page()
        assert f"{kernel}, CPython {about['python']})" in " ".join(page().split())


def test_an_article_is_plain_text():
    text = article(LINTS["loop-blocked"])
    assert text.startswith("loop-blocked\n\nlevel       warning\n")
    assert "**" not in text
    assert "threshold   100 ms: the length of a step" in text


def test_the_listing_has_a_line_a_lint():
    assert [line.split()[0] for line in listing()] == list(LINTS)

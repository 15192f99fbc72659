from __future__ import annotations

import pytest

from threadscope.model.redact import shown_headers, shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8000/a?b=c", "http://127.0.0.1:8000/a?b=c"),
        ("http://me:secret@h/a", "http://***@h/a"),
        ("http://secret@h:1", "http://***@h:1"),
        ("http://a:b@secret@h/", "http://***@h/"),
        ("http://h/?a=1&api_key=secret&b", "http://h/?a=1&api_key=***&b"),
        ("https://h/x?Signature=secret", "https://h/x?Signature=***"),
        ("http://h/#secret", "http://h/"),
        ("me:secret@h", "***"),
        ("http://me:secret@[::1", "***"),
        ("", ""),
    ],
)
def test_urls(url, shown):
    assert shown_url(url) == shown


def test_headers():
    given = [
        ("Accept", "a"), ("Authorization", "s"), ("cookie", "s"), ("X-Api-Key", "s"),
        ("x-apikey", "s"), ("X-CSRF-Token", "s"), ("Proxy-Authorization", "s"),
        ("client_secret", "s"),
    ]  # fmt: skip
    shown = shown_headers(given)
    assert shown.pop("Accept") == "a"
    assert set(shown.values()) == {"***"}
    assert list(shown) == [name for name, _ in given[1:]]

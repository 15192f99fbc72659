"""Which lints must fire where, and which may; all others never do.

A false alarm is worse than a finding that is missed: a lint is under `may` only where it would be
right, depending on the machine or on chance.
"""

from __future__ import annotations

from typing import NamedTuple

ALWAYS_MAY = frozenset({"generator-bound", "core-starved", "errors"})
"""They speak of the machine and of the load, which no demo decides."""


class Expected(NamedTuple):
    """Of one variant of a demo, or one of the apps beside these tests."""

    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()

    def wrong(self, found: set[str]) -> set[str]:
        """Lints that fired and must not."""
        return found - self.must - self.may - ALWAYS_MAY

    def missing(self, found: set[str]) -> set[str]:
        """Lints that must fire and did not."""
        return set(self.must) - found


def _expect(must: str = "", may: str = "") -> Expected:
    return Expected(frozenset(must.split()), frozenset(may.split()))


EXPECTED = {
    "cpu-async": _expect("loop-blocked", "never-awaits"),
    "cpu-def": _expect("gil-bound"),
    "hello-async": _expect(),
    "hello-def": _expect("threadpool-overhead", "gil-bound threadpool-exhausted"),
    "loop-async": _expect("never-awaits", "loop-blocked"),
    "loop-def": _expect("gil-bound", "threadpool-exhausted"),
    "workers-async": _expect("never-awaits", "loop-blocked worker-skew"),
    "workers-def": _expect("gil-bound", "threadpool-exhausted worker-skew"),
    "blocking-await": _expect(),
    "blocking-def": _expect(),
    "blocking-mistake": _expect("blocking-call-in-async"),
    "fairness-async": _expect("loop-blocked starved-route", "never-awaits"),
    "fairness-def": _expect("gil-bound", "starved-route"),
    "pool-shared": _expect("threadpool-exhausted starved-route"),
    "pool-own": _expect("threadpool-exhausted"),
    "native-async": _expect("loop-blocked", "never-awaits"),
    "native-def": _expect("", "gil-released"),
    "middleware-cpu": _expect("loop-blocked"),
    "middleware-hello": _expect("", "threadpool-overhead gil-bound threadpool-exhausted"),
}
"""By demo and variant. `gil-released` is a *may*: a machine may have no second core to give."""

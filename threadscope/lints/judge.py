"""Runs the lints over an observation, as the settings say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from threadscope.lints.catalog import LINTS
from threadscope.lints.lint import UNSURE, Judgement, Lint, State
from threadscope.lints.loop import BLOCKING_CALL, LOOP_BLOCKED
from threadscope.model.observation import Observation
from threadscope.model.snapshot import Finding, Level

STAYS_NS = 3_000_000_000
"""A live finding is shown at least so long, and so long after it was last true."""
MOST_STOPPED = 0.01
"""Of the time. A server that was stopped for longer has means and medians that are not the app's:
what was in it took so much longer."""
ALL = "all"
_BADNESS = {Level.ERROR: 0, Level.WARNING: 1, Level.INFO: 2}
_RANK = {name: rank for rank, name in enumerate(LINTS)}


@dataclass(frozen=True, slots=True)
class Settings:
    """Which lints speak, how loudly, and from which threshold on."""

    warn: frozenset[str] = frozenset()
    """Names of lints whose findings are warnings at least; `all` for all of them."""
    allow: frozenset[str] = frozenset()
    """Names of lints that say nothing, unless `warn` has them; `all` for all of them."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """By name; the others have their defaults."""

    def threshold(self, lint: Lint) -> float:
        """From where on a lint fires."""
        return self.thresholds.get(lint.name, lint.threshold.default)

    def lints(self) -> list[Lint]:
        """Those that speak."""
        return [
            lint for name, lint in LINTS.items()
            if name in self.warn or not ({name, ALL} & self.allow)
        ]  # fmt: skip

    def level(self, lint: Lint) -> Level:
        """How loudly."""
        warns = lint.name in self.warn or ALL in self.warn
        return Level.WARNING if warns and lint.level is Level.INFO else lint.level


def judge(seen: Observation, settings: Settings) -> dict[str, Judgement]:
    """What each lint says, by name."""
    still = seen.stopped > MOST_STOPPED * seen.seconds
    return {
        lint.name: UNSURE if still and not lint.counts
        else lint.check(seen, settings.threshold(lint))
        for lint in settings.lints()
    }  # fmt: skip


def evaluate(seen: Observation, settings: Settings | None = None) -> tuple[Finding, ...]:
    """What is wrong, the worst first."""
    settings = settings or Settings()
    return worst_first(
        Finding(
            lint=name,
            level=settings.level(LINTS[name]),
            message=said.message,
            summary=said.summary,
            count=said.count,
            evidence=dict(said.evidence),
        )
        for name, said in judge(seen, settings).items()
        if said.state is State.WARN
    )


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By level, then in the order of the catalog."""
    return tuple(sorted(findings, key=lambda f: (_BADNESS[f.level], _RANK[f.lint])))


class Lints:
    """The judge of a session: keeps what it found live, so that nothing flickers.

    Args:
        settings: which lints speak.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._shown: dict[str, tuple[Finding, int]] = {}
        """By lint, with the moment at which it was last true."""

    @property
    def hold_ns(self) -> int:
        """From which length on a step is of interest to one of the lints."""
        return int(min(self._settings.threshold(x) for x in (LOOP_BLOCKED, BLOCKING_CALL)))

    def phase(self, observation: Observation) -> tuple[Finding, ...]:
        """What was wrong in a measurement, the worst first."""
        return evaluate(observation, self._settings)

    def live(self, observation: Observation, at: int) -> tuple[Finding, ...]:
        """What is wrong at `at`, the worst first; what was found stays for a while."""
        for finding in evaluate(observation, self._settings):
            since = self._shown[finding.lint][0].since if finding.lint in self._shown else at
            self._shown[finding.lint] = replace(finding, since=since), at
        self._shown = {
            name: (finding, seen)
            for name, (finding, seen) in self._shown.items()
            if at - seen < STAYS_NS
        }
        return worst_first(finding for finding, _ in self._shown.values())

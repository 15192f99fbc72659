from __future__ import annotations

from threadscope.model.history import MOST, History
from threadscope.model.snapshot import Behaviour, Finding, Level, Snapshot, Word

S = 1_000_000_000


def filled(words, keep_ns=None):
    history = History(keep_ns)
    for t, word in enumerate(words, 1):
        history.add(Snapshot(at=t * S, behaviour=Behaviour(Word(word), "")))
    return history


def test_what_was_seen_at_a_moment():
    history = filled(["idle"] * 5)
    assert [history.at(t * S // 2).at // S for t in (0, 2, 3, 4, 99)] == [1, 1, 1, 2, 5]
    assert History().at(0) is None


def test_changes_of_the_word_forth_and_back():
    history = filled(["idle", "idle", "sequential", "sequential", "concurrent", "concurrent"])
    shown, forth = history.first, []
    while shown := history.change(shown, 1):
        forth.append(shown.at // S)
    shown, back = history.latest, []
    while shown := history.change(shown, -1):
        back.append(shown.at // S)
    assert forth == [3, 5]
    assert back == [5, 3]


def test_of_a_long_session_fewer_are_kept_and_the_whole_of_it():
    history = filled(["idle"] * (3 * MOST))
    assert MOST / 2 < len(history) <= MOST
    assert history.first.at == S
    assert history.latest.at > (3 * MOST - 4) * S


def test_something_new_that_is_found_is_a_change_too():
    history, found = History(None), Finding("loop-blocked", Level.WARNING, "", "", 1, {})
    for t, findings in enumerate([(), (), (found,), (found,), ()], 1):
        history.add(Snapshot(at=t * S, findings=findings))
    assert history.change(history.first, 1).at == 3 * S
    assert history.change(history.latest, -1).at == 3 * S
    assert history.change(history.at(3 * S), 1) is None

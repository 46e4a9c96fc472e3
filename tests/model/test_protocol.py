"""Every state of the model is visited, and no promise is broken. Each planted bug breaks one."""

from __future__ import annotations

import pytest

from tests.model.protocol import RULES, Rules, first
from tests.model.search import explore


@pytest.mark.parametrize("act", ["set", "undo", "build", "opt_out"])
def test_two_runs_a_person_and_a_crash_break_no_promise(act: str) -> None:
    found = explore(first(act))
    print(f"{act}: {len(found.came_from)} states, {found.transitions} transitions")  # noqa: T201 - the figure to show
    assert {promise: found.path(state) for promise, state in found.broken.items()} == {}
    assert len(found.came_from) > 4000
    assert found.ends


@pytest.mark.proof
@pytest.mark.parametrize("crashes", [1, 2])
@pytest.mark.parametrize("acts", [("set", "undo"), ("build", "undo"), ("opt_out", "set"), ("opt_out", "undo")])
def test_a_person_who_acts_twice_and_a_second_crash_break_no_promise(acts: tuple[str, ...], crashes: int) -> None:
    found = explore(first(*acts)._replace(crashes=crashes))
    print(f"{acts}, {crashes}: {len(found.came_from)} states, {found.transitions} transitions")  # noqa: T201
    assert {promise: found.path(state) for promise, state in found.broken.items()} == {}


@pytest.mark.parametrize(
    ("rule", "acts", "promise"),
    [
        ("lease_excludes", ["set"], "the previous role is never lost"),
        ("lease_excludes", [], "no alert denies a rebuild that started"),
        ("lease_outlives_runs", ["set"], "the previous role is never lost"),
        ("intent_first", [], "the previous role is never lost"),
        ("read_before_write", ["set"], "a person's own role wins"),
        ("read_before_undo", ["set", "undo"], "a person's own role wins"),
        ("looks_again", ["opt_out"], "the previous role is never lost"),
        ("alert_before_record", [], "an alert follows every change"),
        ("handled_once", [], "the previous role is never lost"),
        ("rebuild_intent_first", [], "no alert denies a rebuild that started"),
        ("watcher_finishes", [], "the bot comes to rest"),
    ],
)
def test_a_planted_bug_is_found(rule: str, acts: list[str], promise: str) -> None:
    planted = Rules(**{rule: False})
    assert planted != RULES
    found = explore(first(*acts), planted, until_broken=promise != "the bot comes to rest")
    assert promise in found.broken


def test_a_role_taken_off_before_it_is_recorded_looks_like_one_that_was_never_set() -> None:
    """Amplify does not tell who set a role. So the bot may set it once more, as docs/protocol.md says."""
    assert set(explore(first("detach")).broken) == {"at most one effective write"}

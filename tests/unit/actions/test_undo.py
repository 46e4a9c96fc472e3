"""Undo: the bot sets the previous role again, and only if its own role is the current one."""

from __future__ import annotations

import pytest

from medic.actions.outcome import UndoOutcome, UndoResult
from medic.actions.set_role import RoleWriter
from medic.aws.errors import AmbiguousError, AwsRejectedError
from medic.incidents.model import Change, ChangeState
from medic.labels import ActionKind
from tests.unit.actions.role_target import AMBIGUOUS, NEW, NOW, OLD, THIRD, Clock, FakeTarget


def undone(target: FakeTarget, previous: str | None = OLD) -> UndoOutcome:
    clock = Clock()
    change = Change(ActionKind.ATTACH_COMPUTE, "the branch", NEW, previous, ChangeState.APPLIED, NOW)
    return RoleWriter(clock, clock.pause, propagation=45).undo(change, target)


def test_the_previous_role_is_set_again() -> None:
    target = FakeTarget(role=NEW)
    assert undone(target).result is UndoResult.RESTORED
    assert (target.role, target.sets) == (OLD, [OLD])


def test_without_a_previous_role_an_empty_one_is_sent_to_detach_the_role() -> None:
    target = FakeTarget(role=NEW)
    assert undone(target, None).result is UndoResult.DETACHED
    assert (target.role, target.sets) == (None, [""])


@pytest.mark.parametrize("role", [THIRD, None])
def test_a_role_that_someone_else_set_is_left_alone(role: str | None) -> None:
    target = FakeTarget(role=role)
    assert undone(target).result is UndoResult.REFUSED
    assert (target.role, target.sets) == (role, [])


def test_a_change_that_is_already_undone_is_not_undone_again() -> None:
    target = FakeTarget(role=OLD)
    assert undone(target).result is UndoResult.RESTORED
    assert target.sets == []


def test_a_lost_response_is_settled_by_reading_back() -> None:
    target = FakeTarget(role=NEW, answers=[AMBIGUOUS])
    assert undone(target).result is UndoResult.RESTORED
    assert target.sets == [OLD]


def test_a_request_that_may_still_take_effect_is_not_sent_again() -> None:
    target = FakeTarget(role=NEW, answers=[AMBIGUOUS], takes_effect=False)
    with pytest.raises(AmbiguousError):
        undone(target)
    assert target.sets == [OLD]


def test_a_request_that_aws_ignores_is_reported_as_ignored() -> None:
    assert (
        undone(FakeTarget(role=NEW, interferes=lambda it: setattr(it, "role", NEW)), None).result is UndoResult.IGNORED
    )


def test_a_request_that_aws_rejects_is_refused() -> None:
    refusal = AwsRejectedError("amplify:UpdateBranch", "BadRequestException", "The compute role … cannot be assumed")
    assert undone(FakeTarget(role=NEW, answers=[refusal])).result is UndoResult.REFUSED


def test_a_third_role_is_left_alone() -> None:
    target = FakeTarget(role=NEW, interferes=lambda it: setattr(it, "role", THIRD))
    assert undone(target).result is UndoResult.REFUSED
    assert target.role == THIRD

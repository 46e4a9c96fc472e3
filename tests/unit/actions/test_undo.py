"""Undoing: what stood there before is put back, over the bot's own role alone."""

from __future__ import annotations

import pytest

from medic.actions.set_role import RoleRestorer, Undone, UndoResult
from medic.aws.errors import AmbiguousError, AwsRejectedError
from medic.incidents.model import Change, ChangeState
from tests.unit.actions.role_target import AMBIGUOUS, NEW, NOW, OLD, THIRD, Clock, FakeTarget


def undone(target: FakeTarget, previous: str | None = OLD) -> Undone:
    clock = Clock()
    change = Change("attach_compute", "the branch", NEW, previous, ChangeState.APPLIED, NOW)
    return RoleRestorer(clock, clock.pause).carry_out(change, target)


def test_the_previous_role_is_set_again() -> None:
    target = FakeTarget(role=NEW)
    assert undone(target).result is UndoResult.RESTORED
    assert (target.role, target.sets) == (OLD, [OLD])


def test_where_there_was_none_the_role_is_detached_by_an_empty_one() -> None:
    target = FakeTarget(role=NEW)
    assert undone(target, None).result is UndoResult.DETACHED
    assert (target.role, target.sets) == (None, [""])


@pytest.mark.parametrize("role", [THIRD, None])
def test_what_somebody_else_set_is_left_alone(role: str | None) -> None:
    target = FakeTarget(role=role)
    assert undone(target).result is UndoResult.REFUSED
    assert (target.role, target.sets) == (role, [])


def test_what_is_undone_already_is_not_sent_again() -> None:
    target = FakeTarget(role=OLD)
    assert undone(target).result is UndoResult.RESTORED
    assert target.sets == []


def test_an_answer_that_never_came_is_settled_by_reading_back() -> None:
    target = FakeTarget(role=NEW, answers=[AMBIGUOUS])
    assert undone(target).result is UndoResult.RESTORED
    assert target.sets == [OLD]


def test_a_request_that_may_yet_land_is_not_sent_again() -> None:
    target = FakeTarget(role=NEW, answers=[AMBIGUOUS], takes_effect=False)
    with pytest.raises(AmbiguousError):
        undone(target)
    assert target.sets == [OLD]


def test_a_request_that_aws_ignores_is_said_to_be_ignored() -> None:
    assert (
        undone(FakeTarget(role=NEW, interferes=lambda it: setattr(it, "role", NEW)), None).result is UndoResult.IGNORED
    )


def test_what_aws_refuses_is_refused() -> None:
    refusal = AwsRejectedError("amplify:UpdateBranch", "BadRequestException", "The compute role … cannot be assumed")
    assert undone(FakeTarget(role=NEW, answers=[refusal])).result is UndoResult.REFUSED


def test_a_third_role_is_left_alone() -> None:
    target = FakeTarget(role=NEW, interferes=lambda it: setattr(it, "role", THIRD))
    assert undone(target).result is UndoResult.REFUSED
    assert target.role == THIRD

"""Undoing: what stood there before is put back, over the bot's own role alone."""

from __future__ import annotations

import pytest

from medic.actions.set_role import RoleRestorer, Undone, UndoResult
from medic.aws.errors import AmbiguousError, AwsRejectedError
from medic.incidents.model import Change, ChangeState
from tests.unit.actions.role_target import AMBIGUOUS, NEW, NOW, OLD, THIRD, Clock, Holder


def undone(holder: Holder, previous: str | None = OLD) -> Undone:
    clock = Clock()
    change = Change("attach_compute", "the branch", NEW, previous, ChangeState.APPLIED, NOW)
    return RoleRestorer(clock, clock.pause).carry_out(change, holder)


def test_the_previous_role_is_set_again() -> None:
    holder = Holder(role=NEW)
    assert undone(holder).result is UndoResult.RESTORED
    assert (holder.role, holder.sets) == (OLD, [OLD])


def test_where_there_was_none_the_role_is_detached_by_an_empty_one() -> None:
    holder = Holder(role=NEW)
    assert undone(holder, None).result is UndoResult.DETACHED
    assert (holder.role, holder.sets) == (None, [""])


@pytest.mark.parametrize("role", [THIRD, None])
def test_what_somebody_else_set_is_left_alone(role: str | None) -> None:
    holder = Holder(role=role)
    assert undone(holder).result is UndoResult.REFUSED
    assert (holder.role, holder.sets) == (role, [])


def test_what_is_undone_already_is_not_sent_again() -> None:
    holder = Holder(role=OLD)
    assert undone(holder).result is UndoResult.RESTORED
    assert holder.sets == []


def test_an_answer_that_never_came_is_settled_by_reading_back() -> None:
    holder = Holder(role=NEW, answers=[AMBIGUOUS])
    assert undone(holder).result is UndoResult.RESTORED
    assert holder.sets == [OLD]


def test_a_request_that_may_yet_land_is_not_sent_again() -> None:
    holder = Holder(role=NEW, answers=[AMBIGUOUS], takes_effect=False)
    with pytest.raises(AmbiguousError):
        undone(holder)
    assert holder.sets == [OLD]


def test_a_request_that_aws_ignores_is_said_to_be_ignored() -> None:
    assert undone(Holder(role=NEW, interferes=lambda it: setattr(it, "role", NEW)), None).result is UndoResult.IGNORED


def test_what_aws_refuses_is_refused() -> None:
    refusal = AwsRejectedError("amplify:UpdateBranch", "BadRequestException", "The compute role … cannot be assumed")
    assert undone(Holder(role=NEW, answers=[refusal])).result is UndoResult.REFUSED


def test_a_third_role_is_left_alone() -> None:
    holder = Holder(role=NEW, interferes=lambda it: setattr(it, "role", THIRD))
    assert undone(holder).result is UndoResult.REFUSED
    assert holder.role == THIRD

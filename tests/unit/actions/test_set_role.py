"""Setting a role: read, write one field once, read back. A role that someone else set is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic.actions.outcome import ChangeResult, RoleChangeOutcome
from medic.actions.set_role import RoleState, RoleWriter
from medic.aws.errors import AbsentError, AmbiguousError, AwsRejectedError, DeniedError, RetryableError
from tests.unit.actions.role_target import (
    AMBIGUOUS,
    GUARDS,
    NEW,
    NOW,
    OLD,
    THIRD,
    THROTTLED,
    UNASSUMABLE,
    Clock,
    FakeTarget,
    attach,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.aws.errors import AwsError

LONG_AGO, MOMENTS_AGO = NOW - timedelta(days=30), NOW - timedelta(seconds=30)


def carried_out(
    target: FakeTarget,
    *,
    resumed: bool = False,
    previous: str | None = None,
    young: bool = False,
    propagation: float = 45,
) -> RoleChangeOutcome:
    clock = Clock()
    setter = RoleWriter(clock, clock.pause, propagation)
    expected = RoleState(previous, GUARDS)
    created_at = MOMENTS_AGO if young else LONG_AGO
    return setter.carry_out(attach(previous), target, expected, created_at=created_at, resumed=resumed)


def test_a_role_is_set_once_and_read_back() -> None:
    target = FakeTarget()
    assert carried_out(target).result is ChangeResult.APPLIED
    assert (target.role, target.sets, target.looks) == (NEW, [NEW], 2)


@pytest.mark.parametrize("moved", [FakeTarget(role=THIRD), FakeTarget(guards=("other tags", "PRODUCTION"))])
def test_a_branch_that_changed_since_the_diagnosis_is_left_alone(moved: FakeTarget) -> None:
    assert carried_out(moved).result is ChangeResult.MOVED
    assert moved.sets == []


def set_a_third_role(target: FakeTarget) -> None:
    target.role = THIRD


def tag_otherwise(target: FakeTarget) -> None:
    target.guards = ("other tags", "PRODUCTION")


@pytest.mark.parametrize("somebody", [set_a_third_role, tag_otherwise])
@pytest.mark.parametrize("answer", [UNASSUMABLE, THROTTLED])
def test_a_branch_that_somebody_changes_during_a_wait_is_left_alone(
    somebody: Callable[[FakeTarget], None], answer: AwsError
) -> None:
    target = FakeTarget(answers=[answer, None], interferes=somebody)
    assert carried_out(target, young=True).result is ChangeResult.MOVED
    assert target.sets == [NEW]
    assert target.role != NEW


@pytest.mark.parametrize("somebody", [set_a_third_role, tag_otherwise])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_branch_that_somebody_changes_while_the_session_is_created_is_left_alone(
    somebody: Callable[[FakeTarget], None], *, resumed: bool
) -> None:
    target = FakeTarget(meanwhile=somebody)
    assert carried_out(target, resumed=resumed).result is ChangeResult.MOVED
    assert target.sets == []


@pytest.mark.parametrize(("propagation", "sets"), [(0, 1), (4, 1), (5, 2), (15, 3), (45, 5)])
def test_the_wait_for_a_new_role_is_as_long_as_the_setting_allows(propagation: float, sets: int) -> None:
    target = FakeTarget(answers=[UNASSUMABLE] * 9)
    assert carried_out(target, young=True, propagation=propagation).result is ChangeResult.DEFERRED
    assert len(target.sets) == sets


def test_a_session_that_can_not_be_created_is_a_refusal() -> None:
    def deny(_: FakeTarget) -> None:
        raise DeniedError("sts:AssumeRole", "ModeReport", "the stack's mode is report")

    assert carried_out(FakeTarget(meanwhile=deny)).result is ChangeResult.REFUSED


def test_a_branch_that_is_gone_is_a_refusal() -> None:
    gone = AbsentError("amplify:UpdateBranch", "NotFoundException", "no branch main")
    assert carried_out(FakeTarget(answers=[gone])).result is ChangeResult.REFUSED


def test_a_third_role_is_reported_and_left_alone() -> None:
    target = FakeTarget(interferes=lambda it: setattr(it, "role", THIRD))
    assert carried_out(target).result is ChangeResult.THIRD_ROLE
    assert (target.role, target.sets) == (THIRD, [NEW])


def test_a_lost_response_is_settled_by_reading_back() -> None:
    target = FakeTarget(answers=[AMBIGUOUS])
    assert carried_out(target).result is ChangeResult.APPLIED
    assert target.sets == [NEW]


def test_a_request_that_may_still_take_effect_is_not_sent_again() -> None:
    target = FakeTarget(answers=[AMBIGUOUS], takes_effect=False)
    with pytest.raises(AmbiguousError):
        carried_out(target)
    assert target.sets == [NEW]


def test_a_role_that_is_not_visible_yet_is_read_again_later() -> None:
    target = FakeTarget(interferes=lambda it: setattr(it, "role", None))
    with pytest.raises(RetryableError, match="is not visible yet"):
        carried_out(target)


def test_a_throttled_request_is_sent_again() -> None:
    target = FakeTarget(answers=[THROTTLED, THROTTLED])
    assert carried_out(target).result is ChangeResult.APPLIED
    assert target.sets == [NEW, NEW, NEW]


def test_a_role_set_by_an_earlier_attempt_is_found_and_not_set_again() -> None:
    target = FakeTarget(role=NEW)
    assert carried_out(target, resumed=True).result is ChangeResult.APPLIED
    assert target.sets == []


def test_the_new_role_set_by_someone_else_is_not_the_bots_change() -> None:
    target = FakeTarget(role=NEW)
    assert carried_out(target).result is ChangeResult.MOVED


def test_an_unusable_role_is_replaced() -> None:
    target = FakeTarget(role=OLD)
    assert carried_out(target, previous=OLD).result is ChangeResult.APPLIED


def test_a_new_role_is_retried_a_few_times_and_deferred() -> None:
    target = FakeTarget(answers=[UNASSUMABLE] * 9)
    assert carried_out(target, young=True).result is ChangeResult.DEFERRED
    assert len(target.sets) <= 5


def test_a_new_role_that_becomes_assumable_is_set() -> None:
    assert carried_out(FakeTarget(answers=[UNASSUMABLE, UNASSUMABLE]), young=True).result is ChangeResult.APPLIED


def test_an_old_role_that_amplify_can_not_assume_is_not_retried() -> None:
    target = FakeTarget(answers=[UNASSUMABLE, None])
    assert carried_out(target).result is not ChangeResult.APPLIED
    assert target.sets == [NEW]


def test_a_request_that_aws_rejects_is_refused_and_not_retried() -> None:
    target = FakeTarget(answers=[AwsRejectedError("amplify:UpdateBranch", "BadRequestException", "no"), None])
    assert carried_out(target).result is ChangeResult.REFUSED
    assert target.sets == [NEW]

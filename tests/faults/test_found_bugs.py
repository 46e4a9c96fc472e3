"""Bugs that the fault suite found, each by its shortest way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.builds import (
    attach_and_rebuild,
    attach_and_repair,
    deferred,
    diagnosis,
    rebuild_failed_alike,
    repair,
    resume_after_rebuild,
    storm,
    tried_before,
)
from tests.faults.invariants import check_safety, previous_role_is_kept
from tests.faults.paths import Path, recorded
from tests.faults.requests import approved, undo_detaches
from tests.faults.wire import LOG, Call, Fault

if TYPE_CHECKING:
    from tests.faults.wire import Json
    from tests.faults.world import WiredWorld


def _updates(world: WiredWorld) -> int:
    return sum(write.operation == "amplify:UpdateBranch" for write in world.writes)


def test_a_run_that_died_with_the_role_set_is_resumed_with_its_rebuild() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("amplify:UpdateBranch", 1, 1), Fault.DEATH)
        remediator.step()
        remediator.step()
        remediator.step()
        assert [write.operation for write in world.writes] == ["amplify:UpdateBranch", "amplify:StartJob"]
        assert "nothing is changed" not in world.alerts()[0]


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT_BEFORE])
def test_a_log_that_cannot_be_fetched_right_now_is_fetched_again(fault: Fault) -> None:
    with Path(diagnosis).stage() as (world, remediator):
        world.wire.listen(Call(LOG, 1, 1), fault)
        remediator.work()
        assert world.slack.posts


def test_a_rebuild_whose_log_cannot_be_fetched_is_not_said_to_have_failed_for_another_reason() -> None:
    with Path(rebuild_failed_alike).stage() as (world, remediator):
        world.wire.listen(Call(LOG, 1, 1), Fault.SERVER_ERROR)
        remediator.step()
        assert not any("not IAM's" in incident["note"] for incident in world.incidents())


def test_what_stood_there_before_is_known_after_the_next_failure_too() -> None:
    with Path(tried_before).stage() as (world, remediator):
        remediator.work()
        assert list(previous_role_is_kept(world)) == []


def test_in_a_storm_an_alert_that_has_to_be_sent_again_changes_nothing() -> None:
    with Path(storm).stage() as (world, remediator):
        world.wire.listen(Call("slack:Post", 1, 1), Fault.SERVER_ERROR)
        remediator.work()
        assert _updates(world) == 0


def test_in_a_storm_the_next_failing_job_of_a_branch_changes_nothing() -> None:
    with Path(storm).stage() as (world, remediator):
        remediator.work()
        *_, (app, branch) = world.branches()
        world.build(app, branch)
        remediator.work()
        assert _updates(world) == 0


def test_what_did_not_help_is_not_repeated_where_an_alert_has_to_be_sent_again() -> None:
    with Path(tried_before).stage() as (world, remediator):
        world.wire.listen(Call("slack:Post", 1, 1), Fault.SERVER_ERROR)
        remediator.work()
        assert _updates(world) == 1


def test_what_did_not_help_is_not_repeated_for_the_failure_after_the_next() -> None:
    with Path(tried_before).stage() as (world, remediator):
        remediator.work()
        app, branch = next(world.branches())
        world.build(app, branch)
        remediator.work()
        assert _updates(world) == 1


def test_a_channel_that_failed_hears_of_the_change_although_the_rebuild_was_quicker() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("slack:Post", 1, 1), Fault.SERVER_ERROR)
        remediator.work()
        assert len(world.slack.posts) == len(world.messages) == 2


def test_a_change_is_told_although_the_run_died_and_its_rebuild_was_told_first() -> None:
    with Path(resume_after_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("amplify:GetApp", 1, 3), Fault.SERVER_ERROR)
        remediator.work()
        (attached, _) = world.writes
        assert any(attached.role in message.text for message in world.messages)


def test_a_change_that_was_put_off_is_told_although_a_channel_missed_that_it_was() -> None:
    with Path(deferred).stage() as (world, remediator):
        remediator.retries = False
        world.wire.listen(Call("slack:Post", 1, 1), Fault.SERVER_ERROR)
        remediator.work()
        remediator.watched()
        assert _updates(world) == 1
        assert "applied" in [message.kind for message in world.messages]


def test_a_long_alert_names_its_incident_on_slack_too() -> None:
    with Path(attach_and_repair).stage() as (world, remediator):
        world.wire.listen(Call("amplify:StartJob", 1, 1), Fault.TIMEOUT_BEFORE)
        remediator.step()
        (message,) = world.messages
        assert world.slack_heard_of(message.incident)


def test_a_push_is_not_taken_for_the_rebuild_whose_answer_never_came() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        app, branch = next(world.branches())
        pass_on = world.wire.before

        def push_first(call: Call, params: Json) -> None:
            if call.operation == "amplify:StartJob":
                world.amplify.control.push(app, branch, "0123456789")
            pass_on(call, params)

        world.wire.before = push_first
        world.wire.listen(Call("amplify:StartJob", 1, 1), Fault.TIMEOUT_BEFORE)
        remediator.step()
        assert "rebuilds the commit of job 1" not in world.alerts()[0]


def test_a_rebuild_that_was_never_sent_is_not_said_to_have_had_no_answer() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("sts:AssumeRole", 2, 3), Fault.SERVER_ERROR)
        remediator.step()
        assert "StartJob gave no answer" not in "".join(world.alerts())


def test_an_approved_change_is_told_although_its_run_died_and_the_proposal_was_told_before() -> None:
    with Path(approved).stage() as (world, remediator):
        world.wire.listen(Call("dynamodb:TransactWriteItems", 2, 1), Fault.DEATH)
        remediator.retries = False
        remediator.work()
        remediator.watched()
        assert [str(message.kind) for message in world.messages][:2] == ["proposed", "applied"]


def test_a_change_is_taken_back_by_the_redelivery_of_the_request_that_broke_off() -> None:
    with Path(undo_detaches).stage() as (world, remediator):
        world.wire.listen(Call("amplify:GetBranch", 1, 1), Fault.SERVER_ERROR)
        remediator.work()
        assert [str(message.kind) for message in world.messages] == ["applied", "undone"]


def test_what_joined_a_storm_at_the_second_try_is_not_acted_on_while_it_lasts() -> None:
    with Path(storm).stage() as (world, remediator):
        world.wire.listen(Call("dynamodb:UpdateItem", 3, 1), Fault.SERVER_ERROR)
        remediator.retries = False
        remediator.work()
        remediator.watched()
        assert _updates(world) == 0
        assert [str(message.kind) for message in world.messages].count("storm") == 1


def test_a_repair_that_broke_off_before_its_intent_is_made_by_the_next_run() -> None:
    with Path(repair).stage() as (world, remediator):
        world.wire.listen(Call("dynamodb:TransactWriteItems", 1, 1), Fault.TIMEOUT_AFTER)
        remediator.work()
        assert [write.operation for write in world.writes] == ["amplify:UpdateApp", "amplify:StartJob"]


def test_a_change_that_nobody_heard_of_is_told_when_a_later_build_succeeds() -> None:
    with Path(repair).stage() as (world, remediator):
        remediator.retries = False
        world.wire.listen(Call("amplify:StartJob", 1, 1), Fault.DEATH)
        remediator.work()
        remediator.watched()
        (repaired, _) = world.writes
        assert any(repaired.role in message.text for message in world.messages)


def test_the_paths_above_come_out_well_without_a_fault() -> None:
    for path in (attach_and_rebuild, diagnosis, rebuild_failed_alike, storm, deferred):
        assert recorded(Path(path)).calls
    with Path(attach_and_rebuild).stage() as (world, remediator):
        remediator.work()
        check_safety(world)

"""Bugs that the fault suite found, each with its shortest reproduction."""

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
from tests.faults.fault import Fault
from tests.faults.invariants import check_safety, previous_role_is_kept
from tests.faults.paths import Path, recorded
from tests.faults.requests import approved, undo_detaches
from tests.faults.wire import LOG, Call

if TYPE_CHECKING:
    from tests.faults.wire import Json
    from tests.faults.world import WiredWorld


def _updates(world: WiredWorld) -> int:
    return sum(write.operation == "amplify:UpdateBranch" for write in world.writes)


def test_a_run_killed_after_setting_the_role_resumes_with_the_rebuild() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("amplify:UpdateBranch", 1), Fault.DEATH)
        remediator.step()
        remediator.run_watcher_until_idle()
        assert [write.operation for write in world.writes] == ["amplify:UpdateBranch", "amplify:StartJob"]
        assert "nothing is changed" not in world.alerts()[0]


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT_BEFORE])
def test_a_log_fetch_that_fails_once_is_retried(fault: Fault) -> None:
    with Path(diagnosis).stage() as (world, remediator):
        world.wire.listen(Call(LOG, 1), fault)
        remediator.work()
        assert world.slack.posts


def test_a_rebuild_with_an_unreadable_log_is_not_reported_as_a_different_failure() -> None:
    with Path(rebuild_failed_alike).stage() as (world, remediator):
        world.wire.listen(Call(LOG, 1), Fault.SERVER_ERROR)
        remediator.step()
        assert not any("not IAM's" in incident["note"] for incident in world.incidents())


def test_the_previous_role_is_still_recorded_after_the_next_failure() -> None:
    with Path(tried_before).stage() as (world, remediator):
        remediator.work()
        assert list(previous_role_is_kept(world)) == []


def test_resending_an_alert_during_a_storm_changes_nothing() -> None:
    with Path(storm).stage() as (world, remediator):
        world.wire.listen(Call("slack:Post", 1), Fault.SERVER_ERROR)
        remediator.work()
        assert _updates(world) == 0


def test_the_next_failed_job_of_a_branch_during_a_storm_changes_nothing() -> None:
    with Path(storm).stage() as (world, remediator):
        remediator.work()
        *_, (app, branch) = world.branches()
        world.build(app, branch)
        remediator.work()
        assert _updates(world) == 0


def test_a_change_that_did_not_help_is_not_repeated_when_an_alert_is_resent() -> None:
    with Path(tried_before).stage() as (world, remediator):
        world.wire.listen(Call("slack:Post", 1), Fault.SERVER_ERROR)
        remediator.work()
        assert _updates(world) == 1


def test_a_change_that_did_not_help_is_not_repeated_two_failures_later() -> None:
    with Path(tried_before).stage() as (world, remediator):
        remediator.work()
        app, branch = next(world.branches())
        world.build(app, branch)
        remediator.work()
        assert _updates(world) == 1


def test_a_failed_channel_still_gets_the_change_alert_if_the_rebuild_ends_before_the_retry() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("slack:Post", 1), Fault.SERVER_ERROR)
        remediator.work()
        assert len(world.slack.posts) == len(world.messages) == 2


def test_a_change_is_reported_even_if_its_run_died_and_its_rebuild_was_reported_first() -> None:
    with Path(resume_after_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("amplify:GetApp", 1), Fault.SERVER_ERROR)
        remediator.work()
        (attached, _) = world.writes
        assert any(attached.role in message.text for message in world.messages)


def test_a_deferred_change_is_reported_even_if_a_channel_missed_the_deferral_alert() -> None:
    with Path(deferred).stage() as (world, remediator):
        remediator.retries = False
        world.wire.listen(Call("slack:Post", 1), Fault.SERVER_ERROR)
        remediator.work()
        remediator.run_watcher_until_idle()
        assert _updates(world) == 1
        assert "applied" in [message.kind for message in world.messages]


def test_a_long_alert_names_its_incident_on_slack_too() -> None:
    with Path(attach_and_repair).stage() as (world, remediator):
        world.wire.listen(Call("amplify:StartJob", 1), Fault.TIMEOUT_BEFORE)
        remediator.step()
        assert world.messages
        assert all(world.slack_names(message.incident) for message in world.messages)


def test_a_push_is_not_mistaken_for_a_rebuild_whose_response_was_lost() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        app, branch = next(world.branches())
        pass_on = world.wire.before

        def push_first(call: Call, params: Json) -> None:
            if call.operation == "amplify:StartJob":
                world.amplify.control.push(app, branch, "0123456789")
            pass_on(call, params)

        world.wire.before = push_first
        world.wire.listen(Call("amplify:StartJob", 1), Fault.TIMEOUT_BEFORE)
        remediator.step()
        assert "rebuilds the commit of job 1" not in world.alerts()[0]


def test_a_rebuild_that_was_never_sent_is_not_reported_as_unanswered() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        world.wire.listen(Call("sts:AssumeRole", 2), Fault.SERVER_ERROR)
        remediator.step()
        assert "StartJob gave no answer" not in "".join(world.alerts())


def test_an_approved_change_is_reported_even_if_its_run_died_after_the_proposal_was_reported() -> None:
    with Path(approved).stage() as (world, remediator):
        world.wire.listen(Call("dynamodb:TransactWriteItems", 2), Fault.DEATH)
        remediator.retries = False
        remediator.work()
        remediator.run_watcher_until_idle()
        assert [str(message.kind) for message in world.messages][:2] == ["awaiting_approval", "applied"]


def test_an_interrupted_undo_is_finished_by_redelivery() -> None:
    with Path(undo_detaches).stage() as (world, remediator):
        world.wire.listen(Call("amplify:GetBranch", 1), Fault.SERVER_ERROR)
        remediator.work()
        assert [str(message.kind) for message in world.messages] == ["applied", "undone"]


def test_an_incident_that_joins_a_storm_on_retry_causes_no_change_during_the_storm() -> None:
    with Path(storm).stage() as (world, remediator):
        world.wire.listen(Call("dynamodb:UpdateItem", 3), Fault.SERVER_ERROR)
        remediator.retries = False
        remediator.work()
        remediator.run_watcher_until_idle()
        assert _updates(world) == 0
        assert [str(message.kind) for message in world.messages].count("storm") == 1


def test_a_repair_interrupted_before_its_intent_is_recorded_is_done_by_the_next_run() -> None:
    with Path(repair).stage() as (world, remediator):
        world.wire.listen(Call("dynamodb:TransactWriteItems", 1), Fault.TIMEOUT_AFTER)
        remediator.work()
        assert [write.operation for write in world.writes] == ["amplify:UpdateApp", "amplify:StartJob"]


def test_an_unreported_change_is_reported_when_a_later_build_succeeds() -> None:
    with Path(repair).stage() as (world, remediator):
        remediator.retries = False
        world.wire.listen(Call("amplify:StartJob", 1), Fault.DEATH)
        remediator.work()
        remediator.run_watcher_until_idle()
        (repaired, _) = world.writes
        assert any(repaired.role in message.text for message in world.messages)


def test_these_paths_succeed_without_a_fault() -> None:
    for path in (attach_and_rebuild, diagnosis, rebuild_failed_alike, storm, deferred):
        assert recorded(Path(path)).calls
    with Path(attach_and_rebuild).stage() as (world, remediator):
        remediator.work()
        check_safety(world)

"""A wake-up is only a hint: AWS's state and the table decide, whatever the message says."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from medic.events import RequestKind, Scope, wake_up
from tests.faults.builds import attach, attach_and_rebuild, diagnosis
from tests.faults.fault import Fault
from tests.faults.invariants import check_safety
from tests.faults.paths import Path
from tests.faults.remediator import WATCHER_INTERVAL, Remediator
from tests.faults.requests import approved, fix_without_opt_in, undo_detaches
from tests.faults.test_paths import ATTACHED, REBUILT, described
from tests.faults.wire import Call
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from datetime import datetime


def test_a_wake_up_without_a_stored_request_does_nothing() -> None:
    with Path(diagnosis).stage() as (world, remediator):
        ((app, branch),) = world.branches()
        message = wake_up(Scope("aws", world.amplify.account_id, REGION, app, branch), "0" * 32)
        assert remediator.run(dict(message)) is None
        assert (world.writes, world.messages, world.requests()) == ([], [], [])


def test_an_approval_that_is_too_old_does_nothing_and_says_so() -> None:
    with Path(approved).stage() as (world, remediator):
        world.amplify.control.advance(25 * 3600)
        remediator.work()
        assert world.writes == []
        (request,) = world.requests()
        assert "it expired at" in request["answer"]


@pytest.mark.parametrize("minutes", [29, 31])
def test_an_approval_is_fresh_until_it_expires(minutes: int) -> None:
    with Path(approved).stage() as (world, remediator):
        world.amplify.control.advance(60 * minutes)
        remediator.work()
        assert list(map(described, world.writes)) == [ATTACHED, REBUILT]


def test_a_redelivered_approval_does_nothing_more() -> None:
    with Path(approved).stage() as (world, remediator):
        ((app, _),) = world.branches()
        message = world.approves(app)
        remediator.work()
        posts = len(world.slack.posts)
        for _ in range(2):
            assert remediator.run(dict(message)) is None
        assert list(map(described, world.writes)) == [ATTACHED, REBUILT]
        assert len(world.slack.posts) == posts


def test_a_request_cannot_borrow_the_opt_in_of_another_branch() -> None:
    with Path(fix_without_opt_in).stage() as (world, remediator):
        ((app, _),) = world.branches()
        world.client("amplify").create_branch(appId=app, branchName="next", tags={"amplify-medic:auto-fix": "fix"})
        message = world.asks(RequestKind.FIX, app)
        detail = {**message["detail"], "branchName": "next"}
        assert remediator.run({**message, "detail": detail}) is None
        remediator.work()
        assert world.writes == []


def test_a_redelivered_undo_does_nothing_more() -> None:
    with Path(undo_detaches).stage() as (world, remediator):
        ((app, _),) = world.branches()
        again = world.asks(RequestKind.UNDO, app)
        remediator.work()
        remediator.run(dict(again))
        assert list(map(described, world.writes)) == [ATTACHED, "UpdateBranch none"]
        assert all(request["answer"] for request in world.requests())


def test_a_success_that_get_job_does_not_confirm_resolves_nothing() -> None:
    with Path(attach).stage() as (world, remediator):
        remediator.work()
        ((app, branch),) = world.branches()
        world.amplify.control.set_connection(app, "ok")
        later = world.build(app, branch, outcome="npm_failure")
        forged = {**later, "detail": {**later["detail"], "jobStatus": "SUCCEED"}}
        assert remediator.run(forged) is None
        assert [incident["state"] for incident in world.incidents()] == ["applied"]


def test_a_request_is_answered_even_if_its_run_died_after_using_it() -> None:
    with Path(undo_detaches).stage() as (world, remediator):
        world.wire.listen(Call("amplify:UpdateBranch", 1), Fault.DEATH)
        remediator.work()
        check_safety(world)
        (request,) = world.requests()
        assert request["answer"]


def test_the_watcher_comes_once_a_minute_while_a_lost_job_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        came: list[datetime] = []
        wake = Remediator._send_wake_ups

        def noted(self: Remediator) -> None:
            came.append(world.now())
            wake(self)

        monkeypatch.setattr(Remediator, "_send_wake_ups", noted)
        world.wire.listen(Call("amplify:StartJob", 1), Fault.DEATH)
        remediator.retries = False
        remediator.work()
        assert len(came) > 1
        assert all((later - earlier).total_seconds() >= WATCHER_INTERVAL for earlier, later in pairwise(came))

"""People's requests: approve, fix, undo and mute. Each passes every guardrail and is used once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.events import Scope, wake_up
from medic.incidents.model import ChangeState, IncidentState, Request, RequestKind, approval_id
from tests.integration.conftest import REGION, World

if TYPE_CHECKING:
    from datetime import datetime

    from medic.incidents.model import Incident

TAG = "amplify-medic:auto-fix"
PREVIEW = {"stage": "PULL_REQUEST"}


def scope(world: World, app: str, branch: str = "main") -> Scope:
    return Scope("aws", world.amplify.account_id, REGION, app, branch)


def failing(world: World, mode: str | None, **tags: str) -> str:
    app = world.make_app(tags={**({TAG: mode} if mode else {}), **tags})
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    world.amplify.control.advance(60)
    return app


def incident(world: World, app: str) -> Incident:
    (found,) = world.services().table.read(scope(world, app)).incidents
    return found


def ask(world: World, app: str, kind: RequestKind, **fields: Any) -> str:
    """Store a request and wake the bot, as the CLI does. Returns the answer."""
    given = {"id": uuid.uuid4().hex, "who": "arn:aws:iam::123456789012:user/kim", "branch": "main", **fields}
    where = scope(world, app, given.pop("branch"))
    asked = given.pop("asked_at", world.now())
    request = Request(kind=kind, scope=where, asked_at=asked, expires_at=asked + timedelta(hours=1), **given)
    services = world.services()
    services.requests.submit(request)
    world.deliver(wake_up(where, request.id), services)
    answered = services.requests.read(where, request.id)
    assert answered is not None
    assert answered.answer is not None
    refused = "refused: " if answered.answer.refused else ""
    return f"{'used' if answered.used_at else 'unused'}: {refused}{answered.answer.text}"


def approve(world: World, app: str, **fields: Any) -> str:
    proposed = incident(world, app)
    bound = {"incident_id": proposed.id, "plan_hash": proposed.plan_hash, **fields}
    twice = {"id": approval_id(bound["incident_id"], bound["plan_hash"]), **bound}
    return ask(world, app, RequestKind.APPROVE, **twice)


def test_an_approved_plan_is_carried_out_and_the_approver_is_named(world: World) -> None:
    app = failing(world, "ask")
    assert world.compute_role(app) is None
    assert incident(world, app).state is IncidentState.AWAITING_APPROVAL
    answer = approve(world, app, who="slack:T1/U2")
    assert world.compute_role(app) == world.default_role_arn
    assert answer.startswith("used: attach_compute applied")
    assert incident(world, app).approved_by == "slack:T1/U2"
    assert len(world.calls("UpdateBranch")) == 1


def test_two_wake_ups_for_one_approval_act_once(world: World) -> None:
    app = failing(world, "ask")
    approve(world, app)
    proposed = incident(world, app)
    world.deliver(wake_up(scope(world, app), approval_id(proposed.id, proposed.plan_hash)))
    assert len(world.calls("UpdateBranch")) == 1


def test_a_wake_up_without_a_request_approves_nothing(world: World) -> None:
    app = failing(world, "ask")
    proposed = incident(world, app)
    for request_id in (approval_id(proposed.id, proposed.plan_hash), "0" * 32):
        world.deliver(wake_up(scope(world, app), request_id))
    assert world.calls("UpdateBranch") == []


def test_an_approval_of_another_plan_or_incident_is_refused(world: World) -> None:
    app = failing(world, "ask")
    assert "not the one that was approved" in approve(world, app, plan_hash="f" * 64)
    assert "has no incident" in approve(world, app, incident_id="0" * 12)
    assert "has no incident" in approve(world, another_proposal(world, app), incident_id=incident(world, app).id)
    assert world.calls("UpdateBranch") == []


def another_proposal(world: World, app: str) -> str:
    """Create another app with a proposal, whose incident differs from that of `app`."""
    assert app
    return failing(world, "ask")


def test_an_expired_approval_is_refused(world: World) -> None:
    app = failing(world, "ask")
    answer = approve(world, app, asked_at=world.now() - timedelta(hours=2))
    assert answer.startswith("used: refused: it expired at")
    assert world.calls("UpdateBranch") == []


def test_an_approval_is_not_applied_if_the_plan_changed_since_the_proposal(world: World) -> None:
    app = failing(world, "ask")
    old = world.make_role("old")
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=old)
    world.client("iam").delete_role(RoleName="old")
    before = len(world.calls("UpdateBranch"))
    assert "not what was approved" in approve(world, app)
    assert len(world.calls("UpdateBranch")) == before


@pytest.mark.parametrize("mode", ["report", "ignore", None])
def test_an_approval_does_nothing_on_a_branch_that_is_no_longer_opted_in(world: World, mode: str | None) -> None:
    app = failing(world, "ask")
    retag(world, app, mode)
    assert "refused" in approve(world, app)
    assert world.calls("UpdateBranch") == []


def retag(world: World, app: str, mode: str | None) -> None:
    branch = world.amplify.fake.state.branch(app, "main")[1]
    branch.tags.pop(TAG, None)
    if mode:
        branch.tags[TAG] = mode


def test_an_approval_passes_every_guardrail_again(world: World) -> None:
    app = failing(world, "ask")
    world.amplify.fake.state.branch(app, "main")[1].settings.update(PREVIEW)
    assert "not_a_preview" in approve(world, app)
    assert world.calls("UpdateBranch") == []


def test_a_fix_is_an_approval_of_a_fresh_diagnosis(world: World) -> None:
    app = failing(world, "ask")
    world.amplify.control.advance(3 * 3600)
    assert ask(world, app, RequestKind.FIX).startswith("used: attach_compute applied")
    assert world.compute_role(app) == world.default_role_arn


def test_a_fix_still_needs_the_opt_in(world: World) -> None:
    app = failing(world, None)
    assert "has no tag" in ask(world, app, RequestKind.FIX)
    assert world.compute_role(app) is None


def test_a_fix_of_a_branch_without_an_incident_is_refused(world: World) -> None:
    assert "no incident" in ask(world, world.make_app(tags={TAG: "fix"}), RequestKind.FIX)


def test_a_fix_during_the_cool_down_stays_unused_and_is_applied_afterwards(world: World) -> None:
    app = failing(world, "ask")
    first = approve(world, app)
    assert first.startswith("used")
    ask(world, app, RequestKind.UNDO)
    again = ask(world, app, RequestKind.FIX, id="a" * 32)
    assert again.startswith("unused: refused: cool_down")
    world.amplify.control.advance(3700)
    retried = ask(world, app, RequestKind.FIX)
    assert retried.startswith("used: attach_compute applied")


def test_a_change_that_did_not_help_is_repeated_on_request(world: World) -> None:
    app = failing(world, "fix", **{"amplify-medic:rebuild": "yes"})
    world.deliver(dict(world.amplify.events[-1]))
    assert incident(world, app).state is IncidentState.NOT_HELPED
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn="")
    world.amplify.control.advance(2 * 3600)
    assert ask(world, app, RequestKind.FIX).startswith("used: attach_compute applied")


def undone(world: World, app: str) -> Incident:
    return max(world.services().table.read(scope(world, app)).incidents, key=lambda i: i.opened_at)


def test_undo_detaches_the_role_if_there_was_none_before(world: World) -> None:
    app = failing(world, "fix")
    assert world.compute_role(app) == world.default_role_arn
    answer = ask(world, app, RequestKind.UNDO)
    assert answer.startswith("used: attach_compute detached")
    assert world.compute_role(app) is None
    assert [change.state for change in undone(world, app).changes] == [ChangeState.UNDONE]
    assert "the change was undone" in world.alerts()[-1]


def test_undo_restores_the_previous_role(world: World) -> None:
    app, gone = with_a_deleted_role(world)
    assert world.compute_role(app) == world.default_role_arn
    world.client("iam").create_role(RoleName="old", Path="/app/", AssumeRolePolicyDocument=plain(world))
    world.amplify.control.advance(60)
    assert ask(world, app, RequestKind.UNDO).startswith("used: attach_compute restored")
    assert world.compute_role(app) == gone


def with_a_deleted_role(world: World) -> tuple[str, str]:
    app = world.make_app(tags={TAG: "fix"})
    gone = world.make_role("old")
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=gone)
    world.client("iam").delete_role(RoleName="old")
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    return app, gone


def plain(world: World) -> str:
    document = world.client("iam").get_role(RoleName="default-compute")["Role"]["AssumeRolePolicyDocument"]
    return str(document).replace("'", '"')


def test_undo_leaves_a_role_alone_that_the_bot_did_not_set(world: World) -> None:
    app = failing(world, "fix")
    mine = world.make_role("mine")
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=mine)
    assert "is not what the bot set" in ask(world, app, RequestKind.UNDO)
    assert world.compute_role(app) == mine


def test_an_undo_that_aws_rejects_shows_the_command(world: World) -> None:
    app = failing(world, "fix")
    world.amplify.control.deny("UpdateBranch")
    assert "refused" in ask(world, app, RequestKind.UNDO)
    assert "aws amplify update-branch" in world.alerts()[-1]
    assert world.compute_role(app) == world.default_role_arn


def test_an_undone_change_is_not_repeated_automatically(world: World) -> None:
    app = failing(world, "fix")
    ask(world, app, RequestKind.UNDO)
    world.amplify.control.advance(2 * 3600)
    world.deliver(world.build(app))
    assert world.compute_role(app) is None
    assert "not_tried_before" in world.alerts()[-1]


def test_there_is_nothing_to_undo_without_a_change(world: World) -> None:
    assert "no change" in ask(world, failing(world, None), RequestKind.UNDO)


@pytest.mark.parametrize("branch", ["main", "*"])
def test_a_muted_branch_gets_no_alert_and_no_change_until_the_mute_ends(world: World, branch: str) -> None:
    app = world.make_app(tags={TAG: "fix"})
    until: datetime = world.now() + timedelta(hours=2)
    assert "is muted until" in ask(world, app, RequestKind.MUTE, branch=branch, until=until)
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert world.alerts() == []
    assert world.compute_role(app) is None
    world.amplify.control.advance(3 * 3600)
    world.deliver(world.build(app))
    assert len(world.alerts()) == 1
    assert world.compute_role(app) == world.default_role_arn


def test_a_request_whose_wake_up_was_lost_is_found_by_the_watcher(world: World) -> None:
    app = failing(world, "ask")
    services = world.services()
    request = Request(
        "b" * 32, RequestKind.FIX, scope(world, app), "kim", world.now(), world.now() + timedelta(hours=1)
    )
    services.requests.submit(request)
    world.amplify.control.advance(120)
    assert world.watch() == 1
    assert world.compute_role(app) == world.default_role_arn
    assert world.watch() == 0

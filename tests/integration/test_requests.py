"""People's requests: approve, fix, undo and mute. Each passes every guardrail and is used once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic import queue
from medic.aws.errors import RetryableError, ThrottledError
from medic.events import RequestKind, Scope, wake_up
from medic.incidents.model import ChangeState, IncidentState, approval_id
from tests.integration.conftest import REGION, World

if TYPE_CHECKING:
    from datetime import datetime

    from medic.incidents.model import Incident, Request

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


def ask(world: World, app: str, kind: RequestKind, branch: str = "main", **fields: Any) -> str:
    """Send the bot a request. Returns the answer."""
    return answered(world.ask(kind, app, branch, **fields))


def answered(request: Request | None) -> str:
    assert request is not None
    assert request.answer is not None
    refused = "refused: " if request.answer.refused else ""
    return f"{'used' if request.used_at else 'unused'}: {refused}{request.answer.text}"


def approve(world: World, app: str, branch: str = "main", **fields: Any) -> str:
    proposed = max(world.services().table.read(scope(world, app, branch)).incidents, key=lambda i: i.opened_at)
    bound = {"incident_id": proposed.id, "plan_hash": proposed.plan_hash, **fields}
    return ask(world, app, RequestKind.APPROVE, branch, **bound)


def test_an_approved_plan_is_carried_out_and_the_approver_is_named(world: World) -> None:
    app = failing(world, "ask")
    assert world.compute_role(app) is None
    assert incident(world, app).state is IncidentState.AWAITING_APPROVAL
    answer = approve(world, app)
    assert world.compute_role(app) == world.default_role_arn
    assert answer.startswith("used: attach_compute applied")
    assert incident(world, app).approved_by == "session:medic-ada"
    assert "approved by session:medic-ada" in world.alerts()[-1]
    assert len(world.calls("UpdateBranch")) == 1


def test_a_second_click_and_a_wake_up_for_one_approval_act_once(world: World) -> None:
    app = failing(world, "ask")
    first, second = approve(world, app), approve(world, app)
    assert first == second
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
    answer = approve(world, app, age=25 * 3600)
    assert answer.startswith("used: refused: it expired at")
    assert world.calls("UpdateBranch") == []


def test_an_approval_after_the_proposals_end_is_refused_whatever_its_button_claimed(world: World) -> None:
    app = failing(world, "ask")
    world.amplify.control.advance(24 * 3600)
    assert incident(world, app).state is IncidentState.AWAITING_APPROVAL  # the watcher is late
    answer = approve(world, app)
    assert answer.startswith("used: refused: the proposal expired")
    assert world.calls("UpdateBranch") == []


def test_an_expired_fix_is_refused(world: World) -> None:
    app = failing(world, "ask")
    assert ask(world, app, RequestKind.FIX, age=61 * 60).startswith("used: refused: it expired at")
    assert ask(world, app, RequestKind.FIX, age=59 * 60).startswith("used: attach_compute applied")


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


def test_a_fix_during_the_cool_down_is_refused_and_may_be_asked_for_again(world: World) -> None:
    app = failing(world, "ask")
    first = approve(world, app)
    assert first.startswith("used")
    ask(world, app, RequestKind.UNDO)
    again = ask(world, app, RequestKind.FIX, id="a" * 32)
    assert again.startswith("used: refused: cool_down")
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
    world.settings["compute_roles"] = {gone: [app]}
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


def test_a_mute_of_an_app_or_branch_that_does_not_exist_is_refused(world: World) -> None:
    until = world.now() + timedelta(hours=2)
    app = world.make_app()
    for missing, branch in (("d0000000000000", "*"), ("d0000000000000", "main"), (app, "gone")):
        assert "refused: " in ask(world, missing, RequestKind.MUTE, branch, until=until)
    assert world.services().region.read(scope(world, app)).mutes == {}


def test_a_mute_is_retried_while_amplify_can_not_be_read(world: World) -> None:
    app = world.make_app()
    world.amplify.control.deny("GetApp")
    with pytest.raises(RetryableError):
        world.ask(RequestKind.MUTE, app, "*", until=world.now() + timedelta(hours=2))
    world.amplify.control.deny("GetApp", denied=False)
    world.queue.poll(lambda batch: queue.handle(batch, world.services()), world.queue.waiting[-1])
    assert len(world.services().region.read(scope(world, app)).mutes) == 1
    assert world.queue.waiting == []


@pytest.mark.parametrize(("days", "muted"), [(30, True), (31, False), (3650, False), (-1, False)])
def test_a_mute_lasts_thirty_days_at_most(world: World, days: int, muted: bool) -> None:  # noqa: FBT001
    """Whatever the command line allows: an operator may send any message."""
    app = world.make_app()
    answer = ask(world, app, RequestKind.MUTE, "*", until=world.now() + timedelta(days=days))
    assert ("refused" not in answer) is muted
    assert len(world.services().region.read(scope(world, app)).mutes) == muted


def test_the_end_of_a_mute_needs_no_app(world: World) -> None:
    assert ask(world, "d0000000000000", RequestKind.MUTE, "*") == "used: d0000000000000 is not muted now"


def capped_approval(world: World) -> tuple[str, str]:
    """An approval that the app's cap stops for the next ten minutes, and its answer."""
    world.amplify.control.advance(6600 - world.now().timestamp() % 3600)
    world.settings["limits"] = {"fixes_per_app_an_hour": 1}
    app = failing(world, "fix")
    world.client("amplify").create_branch(appId=app, branchName="next", stage="BETA", tags={TAG: "ask"})
    world.deliver(world.build(app, "next"))
    return app, approve(world, app, "next")


def test_an_approval_that_a_cap_stops_is_tried_again_by_the_watcher(world: World) -> None:
    app, answer = capped_approval(world)
    assert answer.startswith("unused: refused: the cap")
    assert "the bot tries again until" in answer
    assert world.watch() == 0
    alerts = len(world.alerts())
    world.amplify.control.advance(16 * 60)
    assert world.watch() == 1
    assert world.compute_role(app, "next") == world.default_role_arn
    assert [alert for alert in world.alerts()[alerts:] if "approved by session:medic-ada" in alert]
    assert world.watch() == 0


def test_a_second_click_wakes_an_approval_that_a_cap_stopped(world: World) -> None:
    app, _ = capped_approval(world)
    world.amplify.control.advance(10 * 60)
    assert approve(world, app, "next").startswith("used: attach_compute applied")
    assert world.compute_role(app, "next") == world.default_role_arn


def stormy_approval(world: World) -> tuple[str, str]:
    """An approval that a storm stops, and its answer."""
    world.settings["limits"] = {"storm_apps": 2}
    app = failing(world, "ask")
    for _ in range(2):
        failing(world, None)
    return app, approve(world, app)


@pytest.mark.parametrize("clicked_again", [False, True], ids=["by the watcher", "by a second click"])
def test_an_approval_that_a_storm_stops_is_tried_when_the_storm_is_over(world: World, *, clicked_again: bool) -> None:
    app, answer = stormy_approval(world)
    assert answer.startswith("unused: refused: no_storm")
    assert "the bot tries again until" in answer
    assert world.compute_role(app) is None
    world.amplify.control.advance(20 * 60)
    if clicked_again:
        assert approve(world, app).startswith("used: attach_compute applied")
    else:
        world.watch()
    assert world.compute_role(app) == world.default_role_arn
    assert len(world.calls("UpdateBranch")) == 1


def test_an_approval_that_stays_stopped_expires_and_says_so(world: World) -> None:
    capped_approval(world)
    world.amplify.control.advance(25 * 3600)
    services = world.services()
    (stopped,) = (due for due in services.table.due() if due.request_id)
    world.watch()
    assert answered(services.requests.read(stopped.scope, stopped.request_id)).startswith(
        "used: refused: it expired at"
    )


def test_an_answer_does_not_wait_for_a_channel_that_is_out(world: World) -> None:
    app = failing(world, "fix")
    world.slack.fail(times=20)
    assert ask(world, app, RequestKind.UNDO).startswith("used: attach_compute detached")


def test_a_request_that_always_fails_is_answered_on_its_last_receive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttle(*_: object) -> None:
        raise ThrottledError("amplify:GetJob", "TooManyRequestsException", "Rate exceeded")

    app = failing(world, "ask")
    monkeypatch.setattr("medic.flows.requests._carry_out", throttle)
    with pytest.raises(ThrottledError):
        world.ask(RequestKind.FIX, app, id="c" * 32)
    (message,) = (each for each in world.queue.waiting if each.event["detail-type"] == "Request")
    while message in world.queue.waiting:
        world.amplify.control.advance((message.visible_at - world.now()).total_seconds())
        world.queue.poll(lambda batch: queue.handle(batch, world.services()), message)
    assert (message.receives, world.queue.dead_letters) == (30, [])
    answer = answered(world.services().requests.read(scope(world, app), "c" * 32))
    assert answer.startswith("used: refused: failed: amplify:GetJob failed with TooManyRequestsException")


@pytest.mark.parametrize("kind", [RequestKind.FIX, RequestKind.MUTE])
def test_a_request_about_an_app_that_the_settings_do_not_name_is_refused(world: World, kind: RequestKind) -> None:
    app = failing(world, "fix")
    world.settings["apps"] = ["d0000000000000"]
    until = world.now() + timedelta(hours=1) if kind is RequestKind.MUTE else None
    assert "refused: the setting `apps` does not name this app" in ask(world, app, kind, until=until)


def test_a_change_can_be_undone_after_the_settings_stop_naming_its_app(world: World) -> None:
    app = failing(world, "fix")
    world.settings["apps"] = ["d0000000000000"]
    assert "detached" in ask(world, app, RequestKind.UNDO)
    assert world.compute_role(app) is None


def test_a_fix_of_a_failure_that_is_not_iams_does_not_call_it_gone(world: World) -> None:
    world.settings["notify"] = "all_failures"
    app = world.make_app(tags={TAG: "fix"})
    world.deliver(world.build(app, outcome="npm_failure"))
    assert "refused: no such IAM failure shows now" in ask(world, app, RequestKind.FIX)


def test_a_fix_of_a_whole_app_is_refused(world: World) -> None:
    assert "refused: the bot changes a branch" in ask(world, failing(world, "fix"), RequestKind.FIX, "*")

"""Undo gives back only a role that the branch could be given today. For any other one it prints the command."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from medic.aws.errors import RetryableError
from medic.codec import to_text
from medic.events import RequestKind, wake_up
from medic.flows.locked_branch import RecordedError
from medic.incidents.model import ChangeState, IncidentState
from medic.incidents.table import branch_key
from medic.records import replace
from tests.integration.conftest import PLAIN_TRUST
from tests.integration.test_requests import TAG, ask, failing, incident, scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.incidents.model import Incident
    from tests.integration.conftest import World

MINUTE = 60
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def forge_previous_role(world: World, app: str, role_arn: str) -> None:
    """Write another previous role into the record of the branch's change."""
    recorded = incident(world, app)
    forge(world, app, replace(recorded, changes=(replace(recorded.changes[0], previous_arn=role_arn),)))


def forge(world: World, app: str, *incidents: Incident) -> None:
    """Write incidents into the branch's record."""
    world.client("dynamodb").update_item(
        TableName="incidents",
        Key={"pk": {"S": branch_key(scope(world, app))}},
        UpdateExpression="SET incidents = :incidents",
        ExpressionAttributeValues={":incidents": {"S": to_text(incidents)}},
    )


def refused(world: World, app: str, role_arn: str, rule: str) -> None:
    """Ask for the undo, and check that it is refused by the rule and that the command is printed."""
    before = world.compute_role(app)
    answer = ask(world, app, RequestKind.UNDO)
    command = f"aws amplify update-branch --app-id {app} --branch-name main --compute-role-arn {role_arn}"
    assert f"attach_compute refused: {rule}" in answer
    assert command in answer
    assert command in world.alerts()[-1]
    assert world.compute_role(app) == before
    assert incident(world, app).changes[0].state is ChangeState.APPLIED


def test_a_forged_previous_role_of_another_app_is_not_attached(world: World) -> None:
    victims = world.make_role("payments")
    world.settings["compute_roles"] = {victims: [world.make_app(name="payments")]}
    app = failing(world, "fix")
    forge_previous_role(world, app, victims)
    refused(world, app, victims, "role_paired")


def untrusted(world: World, _: str) -> None:
    document = json.dumps(LAMBDA_TRUST)
    world.client("iam").update_assume_role_policy(RoleName="before", PolicyDocument=document)


def powerful(world: World, _: str) -> None:
    world.client("iam").put_role_policy(RoleName="before", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))


def gone(world: World, _: str) -> None:
    world.client("iam").delete_role(RoleName="before")


def unpaired(world: World, _: str) -> None:
    world.settings["compute_roles"] = {}


def preview(world: World, app: str) -> None:
    world.amplify.fake.state.branch(app, "main")[1].settings["stage"] = "PULL_REQUEST"


def unbounded(world: World, _: str) -> None:
    world.settings["required_permissions_boundary"] = "arn:aws:iam::123456789012:policy/boundary"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (untrusted, "trust"),
        (powerful, "not_admin"),
        (gone, "role_exists"),
        (unpaired, "role_paired"),
        (preview, "not_a_preview"),
        (unbounded, "permissions_boundary"),
    ],
)
def test_a_role_that_the_branch_could_not_be_given_today_is_not_restored(
    world: World, change: Callable[[World, str], None], rule: str
) -> None:
    app = failing(world, "fix")
    before = world.make_role("before")
    forge_previous_role(world, app, before)
    world.settings["compute_roles"] = {before: [app]}
    change(world, app)
    refused(world, app, before, rule)


def test_a_role_that_the_branch_could_be_given_today_is_restored(world: World) -> None:
    app = failing(world, "fix")
    before = world.make_role("before", PLAIN_TRUST)
    forge_previous_role(world, app, before)
    world.settings["compute_roles"] = {before: [app]}
    assert ask(world, app, RequestKind.UNDO).startswith("used: attach_compute restored")
    assert world.compute_role(app) == before


def test_an_undo_leaves_a_branch_alone_that_was_deleted_and_created_again(world: World) -> None:
    app = failing(world, "fix")
    amplify = world.client("amplify")
    amplify.delete_branch(appId=app, branchName="main")
    world.amplify.control.advance(MINUTE)
    amplify.create_branch(
        appId=app, branchName="main", stage="PRODUCTION", tags={TAG: "fix"}, computeRoleArn=world.default_role_arn
    )
    answer = ask(world, app, RequestKind.UNDO)
    assert "deleted and created again" in answer
    assert "aws amplify" not in answer
    assert world.compute_role(app) == world.default_role_arn


def test_an_undo_is_left_to_a_person_once_the_stack_only_reports(world: World) -> None:
    app = failing(world, "fix")
    world.settings["mode"] = "report"
    world.actor_role_arn = None  # type: ignore[assignment]
    answer = ask(world, app, RequestKind.UNDO)
    assert "refused: the stack's mode is report, so the bot may write nothing. To do it yourself: aws" in answer
    assert world.compute_role(app) == world.default_role_arn


def test_an_undo_on_a_deleted_branch_prints_no_command(world: World) -> None:
    app = failing(world, "fix")
    world.client("amplify").delete_branch(appId=app, branchName="main")
    answer = ask(world, app, RequestKind.UNDO)
    assert "attach_compute gone: " in answer
    assert "aws amplify" not in answer
    assert "aws amplify" not in world.alerts()[-1]
    assert "there is nothing left to undo" in world.alerts()[-1]
    assert "None. The branch is gone." in world.alerts()[-1]


def interrupted(world: World) -> tuple[str, Any]:
    """An app whose undo is interrupted, and a bot that can't read Amplify."""
    app = failing(world, "fix")
    services = world.services()
    throttled = RetryableError("amplify:GetBranch", "ThrottlingException", "Rate exceeded")
    vars(services.gatherer)["deployment"] = Mock(side_effect=throttled)
    vars(world)["services"] = lambda: services
    with pytest.raises(RecordedError):
        ask(world, app, RequestKind.UNDO)
    return app, services


def watch_for(world: World, app: str, minutes: int) -> None:
    """Handle the branch each minute, if it is due."""
    where = scope(world, app)
    for _ in range(minutes):
        world.amplify.control.advance(MINUTE)
        if world.services().table.read(where).overdue(world.now()):
            with suppress(RecordedError):
                world.deliver(dict(wake_up(where)))


def test_an_interrupted_undo_is_tried_again_for_an_hour_and_then_reported(world: World) -> None:
    app, services = interrupted(world)
    told = len(world.alerts())
    watch_for(world, app, 50)
    assert incident(world, app).undoing
    assert len(world.alerts()) == told
    watch_for(world, app, 80)
    assert not incident(world, app).undoing
    assert "nothing says what became of it" in world.alerts()[-1]
    assert len(world.alerts()) == told + 1
    assert services.gatherer.deployment.call_count < 15


def test_an_interrupted_undo_is_finished_when_amplify_answers_again(world: World) -> None:
    app, services = interrupted(world)
    watch_for(world, app, 20)
    del vars(services.gatherer)["deployment"]
    watch_for(world, app, 30)
    assert world.compute_role(app) is None
    assert incident(world, app).state is IncidentState.NOT_HELPED


def try_since(world: World, state: ChangeState) -> str:
    """Let another incident try to set the role while an undo is interrupted, which is finished after that."""
    app, services = interrupted(world)
    undone = incident(world, app)
    world.amplify.control.advance(MINUTE)
    later = replace(undone.changes[0], state=state, intended_at=world.now(), undo_intended_at=None)
    forge(world, app, undone, replace(undone, id="0123456789ab", changes=(later,)))
    del vars(services.gatherer)["deployment"]
    watch_for(world, app, 30)
    return app


def test_a_change_that_failed_since_does_not_stop_an_interrupted_undo(world: World) -> None:
    app = try_since(world, ChangeState.FAILED)
    assert world.compute_role(app) is None


def test_an_interrupted_undo_leaves_a_role_that_another_incident_has_set_since(world: World) -> None:
    app = try_since(world, ChangeState.APPLIED)
    assert world.compute_role(app) == world.default_role_arn
    assert "incident 0123456789ab has set a role since" in world.alerts()[-1]


def test_an_interrupted_undo_claims_no_result_of_an_unfinished_change_since(world: World) -> None:
    app = try_since(world, ChangeState.INTENDED)
    assert world.compute_role(app) == world.default_role_arn
    assert "incident 0123456789ab may have set a role since" in world.alerts()[-1]


def test_a_change_whose_result_is_unknown_is_not_called_none(world: World) -> None:
    app = failing(world, "fix")
    changed = incident(world, app)
    begun = replace(changed.changes[0], state=ChangeState.INTENDED, applied_at=None)
    forge(world, app, replace(changed, changes=(begun,), state=IncidentState.OUTCOME_UNKNOWN))
    answer = ask(world, app, RequestKind.UNDO)
    assert "refused: this branch has a change whose result is not known" in answer
    assert "aws amplify update-branch" in answer
    assert world.compute_role(app) == world.default_role_arn

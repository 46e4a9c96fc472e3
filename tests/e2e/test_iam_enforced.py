"""The deployed roles are sufficient for every story, and IAM denies everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from demo.stories import STORIES
from medic.arns import arn_parts
from medic.events import Scope
from medic.plan.session import ActorScope, session_policy
from tests.e2e.test_emulator_patches import make_user
from tests.fakes.amplify.wire import PASSED_TO

if TYPE_CHECKING:
    from demo.stage import Stage

TRUSTS_THIS_TEST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_story_passes_with_only_the_deployed_permissions(guarded: Stage, story: Any) -> None:
    story(guarded)
    assert [line for line in guarded.own_log() if "is not authorized to perform" in line] == []


@pytest.fixture(scope="module")
def opted_in(guarded: Stage) -> str:
    """An app whose branch is opted in."""
    return guarded.make_app("guarded", {"amplify-medic:auto-fix": "fix"})


def actor(stage: Stage, app_id: str, role_arn: str | None = None) -> Any:
    """A client of Amplify as the actor, with a session policy for this app's main branch and the default role.

    `role_arn` replaces the default role. The session policy then allows it, but the actor's own policy must too.
    """
    iam = stage.cloud.client("iam")
    (role,) = [role for role in iam.list_roles()["Roles"] if "RemediatorActor" in role["RoleName"]]
    # Only the remediator may assume the actor role, so the test changes the trust policy.
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(TRUSTS_THIS_TEST))
    partition, _, region, account, _ = arn_parts(stage.branch(app_id)["branchArn"])
    scope = Scope(partition, account, region, app_id, "main")
    actor_scope = ActorScope("test", scope, role_arn or stage.outputs["DefaultComputeRoleArn"])
    sts = stage.cloud.client("sts")
    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test", Policy=session_policy(actor_scope))
    return stage.cloud.client("amplify", given["Credentials"])


def denied(call: Any, **parameters: Any) -> bool:
    """Whether IAM denies the call."""
    try:
        call(**parameters)
    except ClientError as error:
        return "AccessDenied" in error.response["Error"]["Code"]
    return False


def test_only_the_remediator_may_assume_the_actor_role(guarded: Stage) -> None:
    roles = guarded.cloud.client("iam").list_roles()["Roles"]
    (role,) = [role for role in roles if "RemediatorActor" in role["RoleName"]]
    assert denied(guarded.cloud.client("sts").assume_role, RoleArn=role["Arn"], RoleSessionName="test")


def test_the_actor_may_update_the_branch_in_its_scope(guarded: Stage, opted_in: str) -> None:
    role = guarded.outputs["DefaultComputeRoleArn"]
    actor(guarded, opted_in).update_branch(appId=opted_in, branchName="main", computeRoleArn=role)
    assert guarded.branch(opted_in)["computeRoleArn"] == role


def test_the_actor_may_not_update_another_branch_or_pass_another_role(guarded: Stage, opted_in: str) -> None:
    amplify, role = actor(guarded, opted_in), guarded.outputs["DefaultComputeRoleArn"]
    other = guarded.make_app("other", {"amplify-medic:auto-fix": "fix"})
    assert denied(amplify.update_branch, appId=other, branchName="main", computeRoleArn=role)
    assert denied(
        amplify.update_branch, appId=opted_in, branchName="main", computeRoleArn=guarded.make_role("unpaired")
    )


def test_a_session_for_an_unpaired_role_cannot_pass_that_role(guarded: Stage, opted_in: str) -> None:
    unpaired = guarded.make_role("unpaired")
    amplify = actor(guarded, opted_in, unpaired)
    assert denied(amplify.update_branch, appId=opted_in, branchName="main", computeRoleArn=unpaired)


def test_the_actor_may_not_pass_its_role_to_another_service(guarded: Stage, opted_in: str) -> None:
    amplify, role = actor(guarded, opted_in), guarded.outputs["DefaultComputeRoleArn"]

    def as_if_lambda_asked(params: dict[str, Any], **_: Any) -> None:
        params["headers"][PASSED_TO] = "lambda.amazonaws.com"

    amplify.meta.events.register("before-call.amplify.UpdateBranch", as_if_lambda_asked)
    assert denied(amplify.update_branch, appId=opted_in, branchName="main", computeRoleArn=role)


@pytest.mark.parametrize("tags", [{}, {"amplify-medic:auto-fix": "report"}, {"amplify-medic:auto-fix": "ignore"}])
def test_the_actor_may_not_update_a_branch_that_is_not_opted_in(guarded: Stage, tags: dict[str, str]) -> None:
    app_id = guarded.make_app("untagged", tags)
    role = guarded.outputs["DefaultComputeRoleArn"]
    assert denied(actor(guarded, app_id).update_branch, appId=app_id, branchName="main", computeRoleArn=role)


def test_the_actor_may_not_tag_or_create_anything(guarded: Stage, opted_in: str) -> None:
    amplify, arn = actor(guarded, opted_in), guarded.branch(opted_in)["branchArn"]
    assert denied(amplify.tag_resource, resourceArn=arn, tags={"amplify-medic:auto-fix": "fix"})
    assert denied(amplify.untag_resource, resourceArn=arn, tagKeys=["amplify-medic:auto-fix"])
    assert denied(amplify.create_branch, appId=opted_in, branchName="new")
    assert denied(amplify.create_app, name="new")


@pytest.fixture(scope="module")
def forged(guarded: Stage) -> dict[str, dict[str, Any]]:
    """Every way to write an item to the table, by operation."""
    table, item = guarded.outputs["IncidentsTableName"], {"pk": {"S": "branch#forged"}}
    put = {"TableName": table, "Item": item}
    return {
        "put_item": put,
        "update_item": {"TableName": table, "Key": item},
        "delete_item": {"TableName": table, "Key": item},
        "batch_write_item": {"RequestItems": {table: [{"PutRequest": {"Item": item}}]}},
        "transact_write_items": {"TransactItems": [{"Put": put}]},
    }


def test_full_rights_on_dynamodb_are_not_enough_to_forge_a_record(
    guarded: Stage, forged: dict[str, dict[str, Any]]
) -> None:
    user = make_user(guarded.cloud, "dynamodb-admin", {"Action": "dynamodb:*", "Resource": "*"})
    dynamodb, table = guarded.cloud.client("dynamodb", user), guarded.outputs["IncidentsTableName"]
    assert [call for call, parameters in forged.items() if not denied(getattr(dynamodb, call), **parameters)] == []
    assert not denied(dynamodb.scan, TableName=table)
    assert not denied(dynamodb.describe_table, TableName=table)


def test_an_operator_writes_nothing_and_takes_no_message(guarded: Stage, forged: dict[str, dict[str, Any]]) -> None:
    role = guarded.outputs["OperatorRoleArn"]
    operator = guarded.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    dynamodb, sqs = (guarded.cloud.client(service, operator) for service in ("dynamodb", "sqs"))
    assert [call for call, parameters in forged.items() if not denied(getattr(dynamodb, call), **parameters)] == []
    assert denied(sqs.receive_message, QueueUrl=guarded.outputs["QueueUrl"])
    assert denied(sqs.purge_queue, QueueUrl=guarded.outputs["QueueUrl"])
    assert denied(sqs.send_message, QueueUrl=guarded.outputs["DeadLettersUrl"], MessageBody="{}")

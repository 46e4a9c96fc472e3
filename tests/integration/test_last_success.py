"""What changed since a deployment last succeeded is said on a failure, as far as it was seen."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.diagnosis.changes import kept_state
from medic.events import Scope, runtime_wake_up
from medic.evidence import value_of
from medic.incidents.table import branch_key
from tests.faults.arrange import LAMBDA_TRUST, READS
from tests.integration.conftest import REGION, TABLE
from tests.integration.test_call_budgets import DOCUMENTS, calls_of, own_calls, target_calls

if TYPE_CHECKING:
    from medic.diagnosis.changes import WorkingState
    from tests.integration.conftest import World

SECRET_VALUE = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
LISTS = {"iam.ListAttachedRolePolicies", "iam.ListRolePolicies"}


def scope(world: World, app: str, branch: str = "main") -> Scope:
    return Scope("aws", world.amplify.account_id, REGION, app, branch)


def kept(world: World, app: str, branch: str = "main") -> WorkingState | None:
    return value_of(kept_state(world.services().table.read(scope(world, app, branch)).worked))


def item(world: World, app: str) -> dict[str, Any]:
    found = world.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": branch_key(scope(world, app))}})
    return dict(found["Item"])


def succeeded(world: World, *, tags: dict[str, str] | None = None, **app: Any) -> str:
    """An app whose first build succeeded, and the bot heard of it. Returns its id."""
    made = world.make_app(tags=tags, iamServiceRoleArn=world.make_role("service"), **app)
    world.deliver(world.build(made))
    world.amplify.control.advance(3600)
    return made


def failure(world: World, app: str) -> str:
    """Let the next build fail. Returns the alert."""
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    return world.alerts()[-1]


def test_a_role_that_was_replaced_since_the_last_success_is_named(world: World) -> None:
    app = succeeded(world)
    other = world.make_role("other")
    world.client("amplify").update_app(appId=app, iamServiceRoleArn=other)

    alert = failure(world, app)

    assert "✗ Check failed: between job 1, which succeeded (" in alert
    assert " UTC), and job 2: the service role" in alert
    assert f"the service role was replaced: arn:aws:iam::{world.amplify.account_id}:role/app/service → {other}" in alert
    assert world.trail.lookups == [(REGION, "EventName", "UpdateApp")]


def test_who_changed_the_trust_policy_is_said_as_cloudtrail_lists_it(world: World) -> None:
    app = succeeded(world)
    world.trail.record("UpdateAssumeRolePolicy", world.now() - timedelta(days=9), role="service", by="too-early")
    world.trail.record("UpdateAssumeRolePolicy", world.now(), role="service", by="denied", errorCode="AccessDenied")
    world.trail.record("GetRole", world.now(), role="service", by="reader")
    world.trail.record("UpdateAssumeRolePolicy", world.now(), role="service")
    world.client("iam").update_assume_role_policy(RoleName="service", PolicyDocument=json.dumps(LAMBDA_TRUST))

    alert = failure(world, app)

    who = f"UpdateAssumeRolePolicy by arn:aws:sts::123456789012:assumed-role/Admin/ada at {world.now():%Y-%m-%d}"
    assert f"the trust policy of the service role service was changed; CloudTrail lists {who}" in alert
    assert not [name for name in ("too-early", "denied", "reader") if name in alert]
    assert world.trail.lookups == [("us-east-1", "ResourceName", "service")]


def test_only_calls_on_this_app_and_branch_are_named(world: World) -> None:
    app = succeeded(world)
    world.trail.record("UpdateApp", world.now(), by="of-another", region=REGION, parameters={"appId": "dother"})
    world.trail.record(
        "UpdateBranch", world.now(), by="of-dev", region=REGION, parameters={"appId": app, "branchName": "dev"}
    )
    world.trail.record("UpdateApp", world.now(), by="of-this", region=REGION, parameters={"appId": app})
    world.client("amplify").update_app(appId=app, environmentVariables={"STAGE": SECRET_VALUE})

    alert = failure(world, app)

    assert "environment variables were added: STAGE; CloudTrail lists UpdateApp by of-this" in alert
    assert not [text for text in ("of-another", "of-dev", SECRET_VALUE) if text in alert]


def test_a_lookup_that_is_denied_is_a_gap_and_no_answer(world: World) -> None:
    app = succeeded(world)
    world.trail.denied = True
    world.client("iam").delete_role(RoleName="service")

    alert = failure(world, app)

    assert "the service role service was deleted; who changed it is not known: cloudtrail:LookupEvents failed" in alert


def test_the_setting_withholds_the_lookup(world: World) -> None:
    world.settings["cloudtrail"] = False
    app = succeeded(world)
    world.client("iam").delete_role(RoleName="service")

    assert "who changed it is not known: the setting `cloudtrail` is false" in failure(world, app)
    assert world.trail.lookups == []


def test_a_policy_that_was_removed_from_the_denied_role_is_named(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    iam = world.client("iam")
    iam.put_role_policy(RoleName="service", PolicyName="reads", PolicyDocument=READS)
    world.deliver(world.build(app))
    iam.delete_role_policy(RoleName="service", PolicyName="reads")

    world.deliver(world.build(app, outcome="access_denied", action="s3:GetObject", resource="arn:aws:s3:::acme/logo"))

    assert "policies of the service role service were changed: reads removed" in world.alerts()[-1]


def test_nothing_changed_is_a_check_that_passes(world: World) -> None:
    app = succeeded(world)

    alert = failure(world, app)

    assert "job 1, which succeeded" not in alert
    assert world.trail.lookups == []


def test_a_branch_that_never_succeeded_has_nothing_to_compare(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))

    assert "succeeded" not in failure(world, app)


def test_a_damaged_record_is_no_record_without_changes(world: World) -> None:
    app = succeeded(world)
    damaged = {**item(world, app), "worked": {"S": '{"job": "x"}'}}
    world.client("dynamodb").put_item(TableName=TABLE, Item=damaged)

    alert = failure(world, app)

    assert (
        "? Unknown: could not look at what changed since a success: the record of the last success is damaged" in alert
    )
    assert world.trail.lookups == []


def test_a_later_success_replaces_what_is_kept(world: World) -> None:
    app = succeeded(world)
    other = world.make_role("other")
    world.client("amplify").update_app(appId=app, iamServiceRoleArn=other)
    world.deliver(world.build(app))

    state = kept(world, app)

    assert state is not None
    assert state.service is not None
    assert (state.job, state.service.arn) == (2, other)


def test_a_success_that_comes_again_writes_nothing(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    first, second = world.build(app), world.build(app)
    world.deliver(second)
    before = item(world, app)
    world.amplify.control.advance(60)

    for again in (first, second):
        made = calls_of(world, again)
        assert own_calls(made) == ["dynamodb.GetItem"]
        assert target_calls(made) == ["amplify.GetJob", "amplify.GetBranch"]
    assert item(world, app) == before


def test_a_success_of_long_ago_is_not_taken_for_the_state_of_now(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    event = world.build(app)
    world.amplify.control.advance(16 * 60)

    assert target_calls(calls_of(world, event)) == []
    assert kept(world, app) is None


def test_a_failure_that_is_older_than_the_success_is_not_compared(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.amplify.control.set_connection(app, "lost")
    failed = world.build(app)
    world.amplify.control.set_connection(app, "ok")
    world.deliver(world.build(app))
    world.client("iam").delete_role(RoleName="service")

    world.deliver(failed)

    assert "succeeded (" not in world.alerts()[-1]


def test_a_branch_that_was_created_again_is_not_compared_with_the_deleted_one(world: World) -> None:
    app = succeeded(world)
    amplify = world.client("amplify")
    world.deliver(world.build(app))
    world.amplify.control.advance(60)
    amplify.delete_branch(appId=app, branchName="main")
    amplify.create_branch(appId=app, branchName="main")
    world.client("iam").delete_role(RoleName="service")

    assert "succeeded (" not in failure(world, app)


@pytest.mark.parametrize(
    "branch", [{"stage": "PULL_REQUEST"}, {"tags": {"amplify-medic:auto-fix": "ignore"}}], ids=["preview", "ignored"]
)
def test_nothing_is_kept_of_a_preview_or_an_ignored_branch(world: World, branch: dict[str, Any]) -> None:
    app = world.make_app()
    world.client("amplify").create_branch(appId=app, branchName="pr-7", **branch)

    made = calls_of(world, world.build(app, "pr-7"))

    assert target_calls(made) == ["amplify.GetJob", "amplify.GetBranch"]
    assert kept(world, app, "pr-7") is None


def test_no_value_of_a_variable_is_kept_and_the_item_ends_after_90_days(world: World) -> None:
    app = succeeded(world, environmentVariables={"API_TOKEN": SECRET_VALUE, "_CUSTOM_IMAGE": f"x/{SECRET_VALUE}"})

    stored = item(world, app)

    assert "API_TOKEN" in stored["worked"]["S"]
    assert SECRET_VALUE not in json.dumps(stored)
    ends = int(stored["expires_at"]["N"]) - world.now().timestamp() + 3600
    assert ends == pytest.approx(timedelta(days=90).total_seconds(), abs=60)


def test_a_state_that_is_too_large_is_not_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    app = succeeded(world, environmentVariables={f"{'V' * 200}{number}": "x" for number in range(250)})

    assert kept(world, app) is None
    assert "RecordUnreadable" in caplog.messages


def test_a_success_like_the_one_before_is_not_written(world: World) -> None:
    app = succeeded(world)
    again = world.client("amplify").start_job(appId=app, branchName="main", jobType="RETRY", jobId="1")
    assert again["jobSummary"]["jobId"] == "2"
    world.amplify.control.advance(600)
    before = item(world, app)

    made = calls_of(world, dict(world.amplify.events[-1]))

    assert own_calls(made) == ["dynamodb.GetItem"]
    assert len([call for call in target_calls(made) if call not in LISTS]) == 4
    assert item(world, app) == before


def test_the_calls_of_a_success_are_few(world: World) -> None:
    service, compute = world.make_role("service"), world.make_role("compute")
    app = world.make_app(iamServiceRoleArn=service)
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=compute)

    made = calls_of(world, world.build(app))

    assert len([call for call in target_calls(made) if call not in LISTS]) <= 6
    assert made.count("iam.GetRole") == 2
    assert not DOCUMENTS & set(made)
    assert own_calls(made) == ["dynamodb.GetItem", "dynamodb.UpdateItem"]


def test_a_runtime_failure_says_what_changed_too(world: World) -> None:
    compute = world.make_role("compute")
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=compute)
    world.deliver(world.build(app))
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn="")
    world.amplify.control.request(app, "main")

    world.deliver(runtime_wake_up(scope(world, app, "*"), world.now() - timedelta(minutes=1), world.now()))

    assert f"the compute role was removed: it was {compute}" in world.alerts()[-1]


def test_a_failure_that_comes_again_asks_cloudtrail_nothing(world: World) -> None:
    app = succeeded(world)
    world.client("iam").delete_role(RoleName="service")
    failure(world, app)

    world.deliver(dict(world.amplify.events[-1]))

    assert len(world.trail.lookups) == 1

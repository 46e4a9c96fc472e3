"""`medic diagnose APP BRANCH` against fakes of AWS: read-only, and without unnecessary calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.core.exceptions import ServiceException
from moto.iam.responses import IamResponse

from medic.codec import to_text
from medic.diagnosis.changes import RoleState, WorkingState
from medic.events import Scope
from medic.incidents.table import IncidentsTable
from tests.fakes.trail import fake_trail
from tests.integration.conftest import REGION, TABLE, make_table
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from click.testing import Result

    from tests.fakes.deployed_stack import FakeStack
    from tests.integration.conftest import World

OLD = 24 * 3600
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READING = {"ListJobs", "GetApp", "GetBranch", "GetJob"}


def run(world: World, *arguments: str) -> Result:
    return medic("diagnose", *arguments, "--region", world.amplify.region, "--log-url-origin", world.amplify.log_origin)


def answer(world: World, *arguments: str) -> Any:
    return valid("diagnose", run(world, *arguments, "--json").stdout)


def broken(world: World, **app: Any) -> str:
    """An app whose build stopped with a misleading message: the role is good, the repository connection is not."""
    fields = {"iamServiceRoleArn": world.make_role("service", age=OLD), **app}
    id_ = world.make_app(**fields)
    world.amplify.control.set_connection(id_, "lost")
    world.build(id_)
    world.amplify.control.forget_calls()
    return id_


def test_the_diagnosis_is_the_same_as_in_the_alert(world: World) -> None:
    app = broken(world)
    result = run(world, app, "main")
    assert result.exit_code == 1
    assert "shop / main: " in result.stdout
    assert "its trust was checked and is right" in result.stdout
    assert "Proven: " not in result.stdout


def test_it_changes_nothing_and_makes_only_the_calls_it_needs(world: World) -> None:
    app = broken(world)
    given = answer(world, app, "main")
    assert given["account"] == world.amplify.account_id
    assert sorted(call["operation"] for call in world.amplify.control.recorded_calls()) == sorted(READING)


def test_a_named_job_is_not_searched_for(world: World) -> None:
    app = broken(world)
    assert answer(world, app, "main", "--job", "1")["job"]["chosen"] == "named by --job"
    assert world.calls("ListJobs") == []


def test_the_newest_failed_job_is_chosen_even_if_another_job_is_newer(world: World) -> None:
    app = broken(world)
    world.amplify.control.set_connection(app, "ok")
    world.build(app)
    job = answer(world, app, "main")["job"]
    assert job["id"] == "1"
    assert job["chosen"] == "the newest that failed; job 2 is newer (SUCCEED)"


def test_if_no_job_failed_the_newest_is_chosen_and_the_output_says_so(world: World) -> None:
    app = world.make_app()
    world.build(app)
    result = run(world, app, "main")
    assert result.exit_code == 0
    assert "the newest; none of the last 1 failed" in result.stdout
    assert "Neither the branch nor the app has a compute role" in result.stdout


def test_a_failure_other_than_iam_reads_no_roles(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service", age=OLD))
    world.build(app, outcome="npm_failure")

    def refuse(*_: object) -> None:
        raise AssertionError("IAM was called")

    monkeypatch.setattr("medic.aws.iam.IamReader.role", refuse)
    result = run(world, app, "main")
    assert result.exit_code == 0
    assert "failed for a reason other than IAM" in result.stdout


def test_a_wrong_trust_is_proven(world: World) -> None:
    app = broken(world, iamServiceRoleArn=world.make_role("wrong", LAMBDA_TRUST, age=OLD))
    given = answer(world, app, "main")
    assert given["causes"][0]["rank"] == "proven"
    assert given["roles"]["service"]["assumable"] == "denied"
    assert given["fixes"][0]["terraform"]


def test_a_runtime_log_is_compared_with_the_current_roles(world: World, tmp_path: Any) -> None:
    app = world.make_app()
    world.build(app)
    log = tmp_path / "ssr.log"
    log.write_text("CredentialsProviderError: Could not load credentials from any providers\n")
    given = answer(world, app, "main", "--phase", "runtime", "--log", str(log))
    assert given["label"] == "credentials_missing_runtime"
    assert given["causes"][0]["id"] == "compute_role_not_set"
    assert given["causes"][0]["rank"] == "likely"


def test_which_role_the_bot_would_set_is_not_guessed(world: World) -> None:
    app = broken(world, tags={"amplify-medic:auto-fix": "fix"})
    said = run(world, app, "main").stdout
    assert "amplify-medic:auto-fix says fix" in said
    assert "Give --stack NAME to read them" in said


@pytest.fixture
def settings(world: World, stack: FakeStack) -> FakeStack:
    """A deployed stack with the settings that the command reads."""
    stack.outputs = {"RemediatorFunctionName": "remediator"}
    stack.variables = {
        "AMPLIFY_MEDIC_SETTINGS": json.dumps({"compute_roles": {world.make_role("web", age=OLD): ["d0"]}}),
        "MEDIC_ACCOUNT": world.amplify.account_id,
        "MEDIC_PARTITION": "aws",
        "INCIDENTS_TABLE": "incidents",
        "QUEUE_URL": "queue",
        "OPERATOR_ROLE_ID": "AROA",
        "ALERT_TOPIC_ARN": world.topic_arn,
        "DEFAULT_COMPUTE_ROLE_ARN": world.make_role("medic-default", age=OLD),
    }
    return stack


def test_the_deployed_settings_say_what_the_bot_would_do(world: World, settings: FakeStack) -> None:
    app = broken(world, tags={"amplify-medic:auto-fix": "fix"})
    bot = answer(world, app, "main", "--stack", settings.name)["bot"]
    (action,) = bot["actions"]
    assert bot["settings_read"] is True
    assert (action["kind"], action["disposition"]) == ("attach_compute", "do")
    assert action["role"].endswith("medic-default")
    assert all(answer["allows"] for answer in action["guardrails"])
    assert "runtime only" in bot["effect"]
    said = run(world, app, "main", "--stack", settings.name).stdout
    assert "It would set this branch's compute role to" in said
    assert "✓ not_admin" in said


def test_what_changed_since_the_last_success_is_said_if_the_bot_keeps_it(world: World, settings: FakeStack) -> None:
    make_table()
    app = broken(world)
    client, account = world.client("dynamodb"), world.amplify.account_id
    stated = f"role/app/replaced → arn:aws:iam::{account}:role/"
    role = RoleState(f"arn:aws:iam::{account}:role/app/replaced", trust="0" * 16)
    state = WorkingState(0, world.now(), None, "WEB_COMPUTE", None, None, (), role, None)
    IncidentsTable(client, TABLE, world.now, lambda _key, _why, **_: None).keep_success(
        Scope("aws", account, REGION, app, "main"), to_text(state)
    )
    assert stated not in run(world, app, "main").stdout

    with fake_trail() as trail:
        trail.denied = True
        first = answer(world, app, "main", "--stack", settings.name)["checks"][0]

    assert (first["id"], first["result"]) == ("changed_since_success", "fail")
    assert stated in first["detail"]
    assert "who changed it is not known: cloudtrail:LookupEvents failed" in first["detail"]
    client.delete_table(TableName=TABLE)
    gone = answer(world, app, "main", "--stack", settings.name)["checks"][0]
    assert gone["result"] == "unknown"
    assert gone["detail"].startswith("could not look at what changed since a success: dynamodb:GetItem failed")


def test_an_app_that_the_settings_do_not_list_is_named_as_such(world: World, settings: FakeStack) -> None:
    app = broken(world)
    settings.variables = {**settings.variables, "AMPLIFY_MEDIC_SETTINGS": '{"apps": ["d0"]}'}
    assert "this app is not listed" in run(world, app, "main", "--stack", settings.name).stdout


@pytest.mark.usefixtures("settings")
def test_a_missing_stack_is_named(world: World) -> None:
    app = broken(world)
    result = run(world, app, "main", "--stack", "Nowhere")
    assert result.exit_code == 3
    assert "There is no stack Nowhere in eu-central-1" in result.stderr


def test_a_stack_of_another_version_is_recognised(world: World, settings: FakeStack) -> None:
    app = broken(world)
    settings.variables = {}
    result = run(world, app, "main", "--stack", settings.name)
    assert result.exit_code == 3
    assert "environment variable AMPLIFY_MEDIC_SETTINGS is not set" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["d0000000000000", "main"], "no jobs for branch main of app d0000000000000"),
        (["d0000000000000", "main", "--job", "1"], "Amplify has no app d0000000000000 in eu-central-1"),
    ],
)
def test_an_app_of_another_region_is_not_found(world: World, arguments: list[str], said: str) -> None:
    result = run(world, *arguments)
    assert result.exit_code == 3
    assert said in result.stderr
    assert "--region" in result.stderr


def test_a_branch_that_was_never_built_has_no_job_to_diagnose(world: World) -> None:
    result = run(world, world.make_app(), "main")
    assert result.exit_code == 3
    assert "was never built" in result.stderr


def test_a_missing_job_is_named(world: World) -> None:
    result = run(world, broken(world), "main", "--job", "99")
    assert result.exit_code == 3
    assert "has no job 99" in result.stderr


@pytest.mark.parametrize("operation", ["ListJobs", "GetJob"])
def test_a_missing_permission_that_prevents_a_diagnosis_is_named(world: World, operation: str) -> None:
    app = broken(world)
    world.amplify.control.deny(operation)
    result = run(world, app, "main")
    assert result.exit_code == 3
    assert f"amplify:{operation}" in result.output


@pytest.mark.parametrize("operation", ["GetApp", "GetBranch"])
def test_one_item_that_may_not_be_read_is_unknown_and_the_rest_is_diagnosed(world: World, operation: str) -> None:
    app = broken(world)
    world.amplify.control.deny(operation)
    given = answer(world, app, "main")
    assert given["label"] == "service_role_unassumable"
    assert given["account"] == world.amplify.account_id
    assert given["bot"] is None
    if operation == "GetApp":
        assert any(f"amplify:{operation}" in check["detail"] for check in given["checks"])


def test_a_log_of_a_foreign_host_is_not_fetched(world: World) -> None:
    app = broken(world)
    result = medic("diagnose", app, "main", "--region", world.amplify.region)
    assert result.exit_code == 3
    assert "does not point to an AWS host over https" in result.stdout


def test_a_throttled_call_can_be_retried(world: World) -> None:
    app = broken(world)
    for nth in (1, 2, 3):
        world.amplify.control.fail_call("ListJobs", "throttle", nth=nth)
    result = run(world, app, "main")
    assert result.exit_code == 3
    assert "Try again in a minute" in result.stderr


def test_no_secret_of_the_app_is_in_the_answer(world: World) -> None:
    canary = "AKIAIOSFODNN7EXAMPLE"
    app = broken(world, environmentVariables={"KEY": canary}, basicAuthCredentials="Q0FOQVJZOnNlY3JldA==",
                 buildSpec=f"version: 1 # {canary}")  # fmt: skip
    assert boto3.client("amplify", region_name=world.amplify.region).get_app(appId=app)["app"]["environmentVariables"]
    for result in (run(world, app, "main"), run(world, app, "main", "--json")):
        assert canary not in result.output
        assert "Q0FOQVJZ" not in result.output
        assert "X-Amz-Signature" not in result.output


def _denied(*_: object) -> None:
    """Refuses a call, as IAM does without iam:ListAccountAliases."""
    raise ServiceException("AccessDenied", "not authorized to perform: iam:ListAccountAliases")


def test_an_account_is_shown_by_its_alias_where_that_may_be_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, account = broken(world), world.amplify.account_id
    assert f" {account} / eu-central-1" in run(world, app, "main").stdout
    iam = world.client("iam")
    iam.create_account_alias(AccountAlias="acme-prod")
    assert f"acme-prod ({account}) / eu-central-1" in run(world, app, "main").stdout

    monkeypatch.setattr(IamResponse, "list_account_aliases", _denied)
    shown = run(world, app, "main")
    assert shown.exit_code == 1
    assert f" {account} / eu-central-1" in shown.stdout

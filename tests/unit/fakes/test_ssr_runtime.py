from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.amplify.errors import BadRequestException

if TYPE_CHECKING:
    import boto3
    from types_boto3_amplify import AmplifyClient

    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto
    from tests.fakes.amplify.runtime import Wording
    from tests.unit.fakes.conftest import MakeRole

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/Sessions"


@pytest.fixture
def deployed(client: AmplifyClient, app_id: str) -> str:
    client.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    return app_id


def logged(session: boto3.Session, app_id: str) -> list[str]:
    logs = session.client("logs")
    return [event["message"] for event in logs.filter_log_events(logGroupName=f"/aws/amplify/{app_id}")["events"]]


@pytest.mark.parametrize("wording", ["plain", "node_error", "minified"])
def test_without_a_compute_role_the_sdk_finds_no_credentials(
    session: boto3.Session, amplify: AmplifyOnMoto, deployed: str, wording: Wording
) -> None:
    answer = amplify.control.request(deployed, "main", wording)

    (message,) = logged(session, deployed)
    assert answer["status"] == 500
    assert "CredentialsProviderError" in message
    assert "Could not load credentials from any providers" in message


@pytest.mark.parametrize("level", ["branch", "app"])
def test_a_compute_role_on_the_branch_or_the_app_supplies_credentials(
    amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, deployed: str, level: str
) -> None:
    if level == "branch":
        client.update_branch(appId=deployed, branchName="main", computeRoleArn=make_role())
    else:
        client.update_app(appId=deployed, computeRoleArn=make_role())

    assert amplify.control.request(deployed, "main")["status"] == 200


def test_a_deleted_role_supplies_no_credentials(
    session: boto3.Session, amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, deployed: str
) -> None:
    client.update_branch(appId=deployed, branchName="main", computeRoleArn=make_role("gone"))
    session.client("iam").delete_role(RoleName="gone")

    assert "CredentialsProviderError" in amplify.control.request(deployed, "main")["message"]


def test_a_denial_names_the_compute_role_that_lacks_the_permission(
    session: boto3.Session, amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, deployed: str
) -> None:
    client.update_branch(appId=deployed, branchName="main", computeRoleArn=make_role("compute"))
    amplify.control.set_runtime_need(deployed, "main", "dynamodb:GetItem", TABLE)

    denied = amplify.control.request(deployed, "main")["message"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": TABLE}]}
    iam = session.client("iam")
    iam.put_role_policy(RoleName="compute", PolicyName="data", PolicyDocument=json.dumps(document))

    principal = f"arn:aws:sts::123456789012:assumed-role/compute/AmplifyHostingCompute-app={deployed}"
    assert denied == (
        f"AccessDeniedException: User: {principal} is not authorized to perform: dynamodb:GetItem on resource: {TABLE} "
        "because no identity-based policy allows the dynamodb:GetItem action"
    )
    assert amplify.control.request(deployed, "main")["status"] == 200


def test_a_managed_policy_grants_permissions_too(
    session: boto3.Session, amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, deployed: str
) -> None:
    client.update_branch(appId=deployed, branchName="main", computeRoleArn=make_role("compute"))
    amplify.control.set_runtime_need(deployed, "main", "dynamodb:GetItem", TABLE)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam = session.client("iam")
    policy = iam.create_policy(PolicyName="all", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="compute", PolicyArn=policy)

    assert amplify.control.request(deployed, "main")["status"] == 200


@pytest.mark.parametrize("why", ["never deployed", "static"])
def test_a_branch_without_ssr_functions_serves_no_request(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str, why: str
) -> None:
    if why == "static":
        client.update_app(appId=app_id, platform="WEB")
        client.start_job(appId=app_id, branchName="main", jobType="RELEASE")

    with pytest.raises(BadRequestException, match="no SSR functions"):
        amplify.control.request(app_id, "main")


def test_a_stream_name_contains_no_forbidden_characters(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    client.create_branch(appId=app_id, branchName="fix: all *")
    client.start_job(appId=app_id, branchName="fix: all *", jobType="RELEASE")

    stream = amplify.control.request(app_id, "fix: all *")["stream"]

    assert stream.startswith("fix- all -/")

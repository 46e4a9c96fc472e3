from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.unit.fakes.conftest import trust_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3
    from types_boto3_amplify import AmplifyClient

    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto
    from tests.unit.fakes.conftest import MakeRole

NAMES = ["main", "feature/sign-in", "a/b/c", "ünï/código 日本", "50%2F", "what?#&=+", "..", "a//b"]


@pytest.mark.parametrize("name", NAMES)
def test_any_branch_name_is_returned_unchanged(client: AmplifyClient, app_id: str, name: str) -> None:
    if name != "main":
        client.create_branch(appId=app_id, branchName=name, tags={"team": "web"})

    branch = client.get_branch(appId=app_id, branchName=name)["branch"]

    assert branch["branchName"] == name
    assert branch["branchArn"].endswith(f":apps/{app_id}/branches/{name}")
    tags = client.list_tags_for_resource(resourceArn=branch["branchArn"])["tags"]
    assert tags == ({"team": "web"} if name != "main" else {})


def test_update_keeps_omitted_members_and_replaces_a_whole_map(client: AmplifyClient, app_id: str) -> None:
    client.update_branch(
        appId=app_id, branchName="main", stage="BETA", environmentVariables={"_LIVE_UPDATES": "[]", "OLD": "1"}
    )

    branch = client.update_branch(appId=app_id, branchName="main", environmentVariables={"NEW": "2"})["branch"]

    assert branch["stage"] == "BETA"
    assert branch["environmentVariables"] == {"NEW": "2"}


def test_update_app_keeps_omitted_members_and_hides_secrets(client: AmplifyClient, app_id: str) -> None:
    client.update_app(appId=app_id, description="The shop", accessToken="ghp_invented")

    app = client.update_app(appId=app_id, iamServiceRoleArn="arn:aws:iam::123456789012:role/any")["app"]

    assert app["description"] == "The shop"
    assert app["iamServiceRoleArn"] == "arn:aws:iam::123456789012:role/any"
    assert "accessToken" not in app


def test_changing_the_repository_needs_a_token_and_reconnects_the_app(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    amplify.control.set_connection(app_id, "lost")
    with pytest.raises(client.exceptions.BadRequestException, match="at least provide one valid token"):
        client.update_app(appId=app_id, repository="https://github.com/acme/store")

    client.update_app(appId=app_id, repository="https://github.com/acme/store", accessToken="ghp_invented")

    assert amplify.fake.state.app(app_id).connection == "ok"


@pytest.mark.parametrize("operation", ["list_apps", "list_branches", "list_jobs"])
def test_lists_are_paged_with_tokens(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str, operation: str
) -> None:
    for number in range(6):
        client.create_app(name=f"app {number}")
        client.create_branch(appId=app_id, branchName=f"branch-{number}")
        client.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    amplify.control.set_page_size(3)
    asked = {"list_apps": {}, "list_branches": {"appId": app_id}, "list_jobs": {"appId": app_id, "branchName": "main"}}

    pages = list(client.get_paginator(operation).paginate(**asked[operation]))  # type: ignore[call-overload]
    short = getattr(client, operation)(maxResults=2, **asked[operation])

    key = {"list_apps": "apps", "list_branches": "branches", "list_jobs": "jobSummaries"}[operation]
    sizes = [len(page[key]) for page in pages]
    assert sizes == ([3, 3] if operation == "list_jobs" else [3, 3, 1])
    assert len(short[key]) == 2
    assert short["nextToken"]


def test_an_unknown_next_token_is_refused(client: AmplifyClient) -> None:
    with pytest.raises(client.exceptions.BadRequestException, match="nextToken"):
        client.list_apps(nextToken="not-ours")


@pytest.mark.parametrize("operation", ["create_app", "create_branch", "update_app", "update_branch"])
def test_variables_with_the_reserved_prefix_are_refused(client: AmplifyClient, app_id: str, operation: str) -> None:
    asked = {
        "create_app": {"name": "x"},
        "create_branch": {"appId": app_id, "branchName": "x"},
        "update_app": {"appId": app_id},
        "update_branch": {"appId": app_id, "branchName": "main"},
    }

    with pytest.raises(client.exceptions.BadRequestException, match='reserved prefix "AWS"'):
        getattr(client, operation)(environmentVariables={"AWS_REGION": "eu-central-1"}, **asked[operation])


def test_more_than_fifty_tags_are_refused(client: AmplifyClient, app_id: str) -> None:
    arn = client.get_branch(appId=app_id, branchName="main")["branch"]["branchArn"]
    client.tag_resource(resourceArn=arn, tags={f"key{number}": "" for number in range(50)})

    with pytest.raises(client.exceptions.BadRequestException, match="50"):
        client.tag_resource(resourceArn=arn, tags={"one-more": ""})

    client.untag_resource(resourceArn=arn, tagKeys=["key0"])
    client.tag_resource(resourceArn=arn, tags={"one-more": ""})
    assert len(client.list_tags_for_resource(resourceArn=arn)["tags"]) == 50


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("get_app", {}, "NotFoundException"),
        ("update_app", {}, "NotFoundException"),
        ("delete_app", {}, "NotFoundException"),
        ("create_branch", {"branchName": "x"}, "NotFoundException"),
        ("get_branch", {"branchName": "x"}, "NotFoundException"),
        ("update_branch", {"branchName": "x"}, "NotFoundException"),
        ("delete_branch", {"branchName": "x"}, "NotFoundException"),
        ("get_job", {"branchName": "x", "jobId": "1"}, "NotFoundException"),
        ("stop_job", {"branchName": "x", "jobId": "1"}, "NotFoundException"),
        ("start_job", {"branchName": "x", "jobType": "RELEASE"}, "NotFoundException"),
        ("list_branches", {}, "BadRequestException"),
        ("list_jobs", {"branchName": "x"}, "BadRequestException"),
    ],
)
def test_a_missing_app_raises_an_error_from_the_operations_model(
    client: AmplifyClient, operation: str, asked: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(client, operation)(appId="dmissing", **asked)

    assert raised.value.response["Error"]["Code"] == code
    modelled = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).error_shapes
    assert code in [shape.name for shape in modelled]


def test_listing_tags_of_a_missing_resource_raises_resource_not_found(client: AmplifyClient) -> None:
    arn = "arn:aws:amplify:eu-central-1:123456789012:apps/dmissing"

    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(resourceArn=arn)


def test_a_branch_and_an_app_can_be_deleted(client: AmplifyClient, app_id: str) -> None:
    client.delete_branch(appId=app_id, branchName="main")
    assert client.list_branches(appId=app_id)["branches"] == []

    client.delete_app(appId=app_id)
    assert client.list_apps()["apps"] == []


@pytest.mark.parametrize("operation", ["create_app", "create_branch", "update_app", "update_branch"])
@pytest.mark.parametrize("flaw", ["missing", "wrong service", "source conditions", "seconds old"])
def test_a_compute_role_that_amplify_cannot_assume_is_refused_at_attach(
    *, amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, app_id: str, operation: str, flaw: str
) -> None:
    own_account = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    roles: dict[str, Callable[[], str]] = {
        "missing": lambda: "arn:aws:iam::123456789012:role/missing",
        "wrong service": lambda: make_role(trust=trust_policy("lambda.amazonaws.com")),
        "source conditions": lambda: make_role(trust=trust_policy(conditions=own_account)),
        "seconds old": make_role,
    }
    arn = roles[flaw]()
    if flaw == "seconds old":
        amplify.control.set_propagation(15)
    asked = {
        "create_app": {"name": "x", "platform": "WEB_COMPUTE"},
        "create_branch": {"appId": app_id, "branchName": "x"},
        "update_app": {"appId": app_id},
        "update_branch": {"appId": app_id, "branchName": "main"},
    }

    with pytest.raises(client.exceptions.BadRequestException) as raised:
        getattr(client, operation)(computeRoleArn=arn, **asked[operation])

    assert raised.value.response["Error"]["Message"] == "The compute role provided cannot be assumed by Amplify."
    assert "computeRoleArn" not in client.get_branch(appId=app_id, branchName="main")["branch"]


def test_a_new_role_can_be_attached_once_it_has_propagated(
    amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, app_id: str
) -> None:
    amplify.control.set_propagation(15)
    amplify.control.set_clock_right()
    arn = make_role()
    amplify.control.advance(20)

    branch = client.update_branch(appId=app_id, branchName="main", computeRoleArn=arn)["branch"]

    assert branch.get("computeRoleArn") == arn


def test_regions_do_not_share_apps(session: boto3.Session, client: AmplifyClient, app_id: str) -> None:
    elsewhere = session.client("amplify", region_name="us-east-1")

    assert elsewhere.list_apps()["apps"] == []
    with pytest.raises(elsewhere.exceptions.NotFoundException):
        elsewhere.get_app(appId=app_id)
    assert client.get_app(appId=app_id)["app"]["appArn"].startswith("arn:aws:amplify:eu-central-1:123456789012:apps/")


def test_a_new_branch_omits_members_that_were_never_set(client: AmplifyClient, app_id: str) -> None:
    branch = client.get_branch(appId=app_id, branchName="main")["branch"]

    assert not {"activeJobId", "description", "environmentVariables", "framework", "tags"} & set(branch)
    assert branch["stage"] == "NONE"  # type: ignore[comparison-overlap]


def test_a_recorded_call_has_the_exact_body_and_the_decoded_path(
    amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, app_id: str
) -> None:
    arn = make_role()
    client.create_branch(appId=app_id, branchName="feature/x")

    client.update_branch(appId=app_id, branchName="feature/x", computeRoleArn=arn)

    (call,) = amplify.fake.calls_of("UpdateBranch")
    assert call.path == {"appId": app_id, "branchName": "feature/x"}
    assert call.body == {"computeRoleArn": arn}
    assert call.error is None

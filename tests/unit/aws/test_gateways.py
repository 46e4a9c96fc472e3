from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import AwsRejectedError, DeniedError, RetryableError
from medic.aws.iam import IamReader
from medic.evidence import Absent, Present
from tests.fakes.amplify.moto_adapter import AmplifyOnMoto, amplify_on_moto

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def amplify(monkeypatch: pytest.MonkeyPatch) -> Iterator[AmplifyOnMoto]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with amplify_on_moto() as fake:
        yield fake


def test_lists_are_read_page_by_page_to_the_end(amplify: AmplifyOnMoto) -> None:
    client = boto3.client("amplify", region_name=amplify.region)
    ids = [client.create_app(name=f"app-{n}")["app"]["appId"] for n in range(5)]
    for n in range(5):
        client.create_branch(appId=ids[0], branchName=f"feature/{n}", enablePullRequestPreview=n == 3)
    amplify.control.set_page_size(2)

    reader = AmplifyReader(client)

    assert [app.id for app in reader.apps()] == ids
    branches = list(reader.branches(ids[0]))
    assert [branch.name for branch in branches] == [f"feature/{n}" for n in range(5)]
    assert [branch.pull_request_previews for branch in branches] == [False, False, False, True, False]
    assert len(amplify.fake.calls_of("ListApps")) == len(amplify.fake.calls_of("ListBranches")) == 3


def test_list_and_get_return_the_same_values(amplify: AmplifyOnMoto) -> None:
    client = boto3.client("amplify", region_name=amplify.region)
    app_id = client.create_app(
        name="shop", platform="WEB_COMPUTE", environmentVariables={"KEY": "AKIAIOSFODNN7EXAMPLE"}, tags={"team": "a"}
    )["app"]["appId"]
    client.create_branch(appId=app_id, branchName="main", stage="PRODUCTION", environmentVariables={"A": "b"})

    reader = AmplifyReader(client)

    assert [Present(app) for app in reader.apps()] == [reader.app(app_id)]
    assert [Present(branch) for branch in reader.branches(app_id)] == [reader.branch(app_id, "main")]


def test_a_rejected_or_denied_list_raises_an_error(amplify: AmplifyOnMoto) -> None:
    reader = AmplifyReader(boto3.client("amplify", region_name=amplify.region))
    with pytest.raises(AwsRejectedError):
        list(reader.branches("d0000000"))
    amplify.control.deny("ListApps")
    with pytest.raises(DeniedError, match="ListApps"):
        list(reader.apps())


def test_a_role_arn_with_another_path_is_absent(amplify: AmplifyOnMoto) -> None:
    iam = boto3.client("iam", region_name=amplify.region)
    arn = iam.create_role(RoleName="shop", Path="/new/", AssumeRolePolicyDocument=json.dumps({}))["Role"]["Arn"]
    reader = IamReader(lambda: iam, amplify.account_id)

    assert isinstance(reader.role(arn), Present)
    stale = reader.role(arn.replace("/new/", "/old/"))
    assert isinstance(stale, Absent)
    assert arn in stale.reason


@pytest.mark.parametrize(
    "pages",
    [[["1", "2"], ["9", "8"], ["7"]], [["3"], ["9"]], [[], ["9", "8"], ["7"]]],
    ids=["oldest first", "one job a page", "an empty page"],
)
def test_the_newest_job_is_found_in_whatever_order_jobs_are_listed(pages: list[list[str]]) -> None:
    jobs = AmplifyReader(paginated(pages)).recent_jobs("d1shop", "main")

    assert jobs[0].id == "9"


def test_a_job_without_a_number_is_an_unknown_answer() -> None:
    with pytest.raises(RetryableError, match="UnknownAnswer"):
        AmplifyReader(paginated([["next"]])).recent_jobs("d1shop", "main")


def paginated(pages: list[list[str]]) -> Any:
    """A client whose ListJobs returns these jobs."""
    answers = [
        {"jobSummaries": [{"jobId": job, "status": "SUCCEED"} for job in page], "nextToken": str(number)}
        for number, page in enumerate(pages, 1)
    ]
    answers[-1].pop("nextToken")
    return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: iter(answers)))

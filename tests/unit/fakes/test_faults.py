from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

if TYPE_CHECKING:
    import boto3
    from types_boto3_amplify import AmplifyClient

    from tests.fakes.amplify.faults import Fault
    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("throttle", "ThrottlingException"),
        ("server_error", "InternalFailureException"),
        ("dependency_error", "DependentServiceFailureException"),
    ],
)
def test_only_the_planned_call_fails(
    amplify: AmplifyOnMoto, one_attempt: AmplifyClient, app_id: str, fault: Fault, code: str
) -> None:
    amplify.control.fail_call("GetApp", fault, nth=2)

    one_attempt.get_app(appId=app_id)
    with pytest.raises(ClientError) as raised:
        one_attempt.get_app(appId=app_id)
    one_attempt.get_app(appId=app_id)

    assert raised.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(("fault", "jobs"), [("timeout_before_effect", 0), ("timeout_after_effect", 1)])
def test_a_call_without_an_answer_may_or_may_not_have_taken_effect(
    amplify: AmplifyOnMoto, one_attempt: AmplifyClient, app_id: str, fault: Fault, jobs: int
) -> None:
    amplify.control.fail_call("StartJob", fault)

    with pytest.raises(ReadTimeoutError):
        one_attempt.start_job(appId=app_id, branchName="main", jobType="RELEASE")

    assert len(one_attempt.list_jobs(appId=app_id, branchName="main")["jobSummaries"]) == jobs
    assert [call.error for call in amplify.fake.calls_of("StartJob")] == ["NoAnswer"]


def test_a_client_that_retries_start_job_creates_two_jobs(
    amplify: AmplifyOnMoto, session: boto3.Session, app_id: str
) -> None:
    retrying = session.client(
        "amplify", region_name=amplify.region, config=Config(retries={"total_max_attempts": 2, "mode": "standard"})
    )
    amplify.control.fail_call("StartJob", "timeout_after_effect")

    retrying.start_job(appId=app_id, branchName="main", jobType="RELEASE")

    assert len(retrying.list_jobs(appId=app_id, branchName="main")["jobSummaries"]) == 2


def test_a_denied_operation_changes_nothing(amplify: AmplifyOnMoto, one_attempt: AmplifyClient, app_id: str) -> None:
    amplify.control.deny("UpdateBranch")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        one_attempt.update_branch(appId=app_id, branchName="main", description="x")

    amplify.control.deny("UpdateBranch", denied=False)
    branch = one_attempt.get_branch(appId=app_id, branchName="main")["branch"]

    assert "description" not in set(branch)
    assert amplify.control.recorded_calls("UpdateBranch")[0]["error"] == "AccessDeniedException"

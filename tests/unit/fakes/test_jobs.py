from __future__ import annotations

import gzip
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.fakes.amplify.scripts import BuildScript
from tests.unit.fakes.conftest import trust_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_amplify import AmplifyClient
    from types_boto3_amplify.type_defs import JobTypeDef

    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto
    from tests.unit.fakes.conftest import MakeRole

UNASSUMABLE = "!!! Unable to assume specified IAM Role. Please ensure the selected IAM Role has sufficient permissions"
COMPUTE = "Standard build compute type: 8GiB Memory, 4vCPUs, 128GB Disk Space"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[(INFO|WARNING|ERROR)\]: .*| {33}\S.*| {33}    at .*")


def build(client: AmplifyClient, app_id: str, branch: str = "main") -> JobTypeDef:
    job_id = client.start_job(appId=app_id, branchName=branch, jobType="RELEASE")["jobSummary"]["jobId"]
    return client.get_job(appId=app_id, branchName=branch, jobId=job_id)["job"]


def read(url: str) -> tuple[bytes, str | None]:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - the fake's own URL
        return answer.read(), answer.headers["Content-Encoding"]


def log_of(job: JobTypeDef) -> str:
    return read(job["steps"][0]["logUrl"])[0].decode()


def test_a_successful_build_has_three_successful_steps_and_becomes_active(client: AmplifyClient, app_id: str) -> None:
    job = build(client, app_id)

    assert job["summary"]["jobArn"].endswith("/branches/main/jobs/0000000001")
    assert job["summary"]["jobId"] == "1"
    assert [(step["stepName"], step["status"]) for step in job["steps"]] == [
        ("BUILD", "SUCCEED"),
        ("DEPLOY", "SUCCEED"),
        ("VERIFY", "SUCCEED"),
    ]
    assert client.get_branch(appId=app_id, branchName="main")["branch"]["activeJobId"] == "0000000001"


def test_a_failed_build_does_not_change_the_active_job(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    build(client, app_id)
    amplify.control.script_builds(app_id, "main", "npm_failure")

    job = build(client, app_id)

    assert job["summary"]["status"] == "FAILED"
    assert [step["status"] for step in job["steps"]] == ["FAILED", "CANCELLED", "CANCELLED"]
    assert client.get_branch(appId=app_id, branchName="main")["branch"]["activeJobId"] == "0000000001"


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("ok", "## Build completed successfully"),
        ("npm_failure", "[WARNING]: npm error code EUSAGE"),
        ("prerender_credentials", "CredentialsProviderError: Could not load credentials from any providers"),
        ("backend_deploy", "assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-"),
        ("access_denied", "is not authorized to perform: cloudformation:DescribeStacks"),
        ("echoed_phrase", "[INFO]: Unable to assume specified IAM Role"),
    ],
)
def test_logs_have_the_format_of_amplifys_logs(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str, outcome: str, text: str
) -> None:
    amplify.control.script_builds(app_id, "main", outcome)

    log = log_of(build(client, app_id))

    lines = log.splitlines()
    assert text in log
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert lines[0].endswith(
        "# Build environment configured with Standard build compute type: 8GiB Memory, 4vCPUs, 128GB Disk Space"
    )
    assert lines[-2].endswith("[INFO]: # Starting environment caching...")
    assert lines[-1].endswith("[INFO]: # Environment caching completed")
    assert ("[ERROR]: !!! Error: Command failed with exit code 1" in log) == (outcome != "ok")


def test_a_denial_names_amplifys_own_principal_or_the_build_session_of_the_service_role(
    amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, app_id: str
) -> None:
    amplify.control.script_builds(app_id, "main", BuildScript("access_denied", action="s3:GetObject"))
    foreign = log_of(build(client, app_id))
    client.update_app(appId=app_id, iamServiceRoleArn=make_role("builder"))
    own = log_of(build(client, app_id))

    assert "arn:aws:sts::555566667777:assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-" in foreign
    assert "arn:aws:sts::123456789012:assumed-role/builder/BuildSession is not authorized" in own
    assert "because no identity-based policy allows the s3:GetObject action" in own


def test_a_backend_deploys_once_a_service_role_is_set(
    amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, app_id: str
) -> None:
    amplify.control.script_builds(app_id, "main", "backend_deploy")
    assert build(client, app_id)["summary"]["status"] == "FAILED"

    client.update_app(appId=app_id, iamServiceRoleArn=make_role("builder"))

    assert build(client, app_id)["summary"]["status"] == "SUCCEED"


@pytest.mark.parametrize("cause", ["lost connection", "role missing", "wrong trust", "another app's", "seconds old"])
def test_five_causes_print_the_same_line(
    amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, app_id: str, cause: str
) -> None:
    other_app = "arn:aws:amplify:eu-central-1:123456789012:apps/dother/*"
    another = trust_policy(conditions={"ArnLike": {"aws:SourceArn": other_app}})
    roles: dict[str, Callable[[], str]] = {
        "role missing": lambda: "arn:aws:iam::123456789012:role/missing",
        "wrong trust": lambda: make_role(trust=trust_policy("codebuild.amazonaws.com")),
        "another app's": lambda: make_role(trust=another),
    }
    arn = roles.get(cause, make_role)()
    client.update_app(appId=app_id, iamServiceRoleArn=arn)
    if cause == "lost connection":
        amplify.control.set_connection(app_id, "lost")
    if cause == "seconds old":
        amplify.control.set_propagation(60)

    log = log_of(build(client, app_id))

    lines = log.splitlines()
    assert len(lines) == 4
    assert f"[ERROR]: {UNASSUMABLE}" in lines[1]
    assert "# Cloning repository" not in log


def test_a_lost_connection_prints_the_same_line_even_without_a_service_role(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    amplify.control.set_connection(app_id, "lost")

    assert UNASSUMABLE in log_of(build(client, app_id))


@pytest.mark.parametrize("outcome", ["ok", "npm_failure", "prerender_credentials", "backend_deploy", "access_denied"])
@pytest.mark.parametrize("connection", ["ok", "lost"])
def test_a_compute_role_never_changes_a_build(
    *, amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole, app_id: str, outcome: str, connection: str
) -> None:
    amplify.control.script_builds(app_id, "main", outcome)
    amplify.control.set_connection(app_id, connection)  # type: ignore[arg-type]
    before = build(client, app_id)

    client.update_branch(appId=app_id, branchName="main", computeRoleArn=make_role())
    after = build(client, app_id)

    assert after["summary"]["status"] == before["summary"]["status"]
    assert log_of(after) == log_of(before)


def test_the_event_detail_has_four_fields_and_only_the_resource_has_a_padded_job_id(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    build(client, app_id)

    started, ended = amplify.events

    arn = f"arn:aws:amplify:eu-central-1:123456789012:apps/{app_id}/branches/main/jobs/0000000001"
    assert ended["detail"] == {"appId": app_id, "branchName": "main", "jobId": "1", "jobStatus": "SUCCEED"}
    assert ended["resources"] == [arn]
    assert set(ended) == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    }  # fmt: skip
    assert (ended["source"], ended["detail-type"]) == ("aws.amplify", "Amplify Deployment Status Change")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", ended["time"])
    assert started["detail"]["jobStatus"] == "STARTED"
    assert started["id"] != ended["id"]


def test_retry_builds_the_retried_commit_and_release_the_newest(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    amplify.control.script_builds(app_id, "main", "npm_failure")
    first = build(client, app_id)["summary"]["commitId"]
    assert amplify.control.push(app_id, "main", "b" * 40) == "2"

    retried = client.start_job(appId=app_id, branchName="main", jobType="RETRY", jobId="1")["jobSummary"]
    released = client.start_job(appId=app_id, branchName="main", jobType="RELEASE")["jobSummary"]

    assert (retried["jobType"], retried["commitId"], retried["status"]) == ("RETRY", first, "PENDING")
    assert released["commitId"] == "b" * 40


@pytest.mark.parametrize("job_type", ["MANUAL", "WEB_HOOK"])
def test_jobs_of_other_types_cannot_be_started(client: AmplifyClient, app_id: str, job_type: str) -> None:
    with pytest.raises(client.exceptions.BadRequestException):
        client.start_job(appId=app_id, branchName="main", jobType=job_type)  # type: ignore[arg-type]


@pytest.mark.parametrize("job_type", ["RETRY", "RELEASE"])
def test_an_app_without_a_repository_accepts_only_manual_deployments(
    amplify: AmplifyOnMoto, client: AmplifyClient, job_type: str
) -> None:
    app_id = client.create_app(name="by hand", platform="WEB_COMPUTE")["app"]["appId"]
    client.create_branch(appId=app_id, branchName="main")
    assert amplify.control.deploy_manually(app_id, "main") == "1"

    with pytest.raises(client.exceptions.BadRequestException, match="not connected"):
        client.start_job(appId=app_id, branchName="main", jobType=job_type, jobId="1")  # type: ignore[arg-type]


def test_a_retry_needs_the_id_of_an_existing_job(client: AmplifyClient, app_id: str) -> None:
    with pytest.raises(client.exceptions.BadRequestException, match="jobId"):
        client.start_job(appId=app_id, branchName="main", jobType="RETRY")
    with pytest.raises(client.exceptions.NotFoundException):
        client.start_job(appId=app_id, branchName="main", jobType="RETRY", jobId="7")


def test_a_running_build_can_be_stopped(amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str) -> None:
    amplify.control.set_build_time(60)
    client.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    job = client.get_job(appId=app_id, branchName="main", jobId="1")["job"]
    assert (job["summary"]["status"], [step["stepName"] for step in job["steps"]]) == ("RUNNING", ["BUILD"])
    assert "logUrl" not in job["steps"][0]

    stopped = client.stop_job(appId=app_id, branchName="main", jobId="1")["jobSummary"]
    amplify.control.advance(61)

    assert stopped["status"] == "CANCELLED"
    assert [event["detail"]["jobStatus"] for event in amplify.events] == ["STARTED", "CANCELLED"]
    with pytest.raises(client.exceptions.BadRequestException, match="not running"):
        client.stop_job(appId=app_id, branchName="main", jobId="1")


def test_a_build_ends_after_its_build_time(amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str) -> None:
    amplify.control.set_build_time(60)
    started = client.start_job(appId=app_id, branchName="main", jobType="RELEASE")["jobSummary"]["startTime"]

    amplify.control.advance(61)

    summary = client.get_job(appId=app_id, branchName="main", jobId="1")["job"]["summary"]
    assert summary["status"] == "SUCCEED"
    assert (summary["endTime"] - started).total_seconds() == 60


def test_a_branch_builds_one_job_at_a_time_and_an_account_five(
    amplify: AmplifyOnMoto, one_attempt: AmplifyClient, app_id: str
) -> None:
    amplify.control.set_build_time(60)
    one_attempt.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    with pytest.raises(one_attempt.exceptions.LimitExceededException, match="already have pending or running jobs"):
        one_attempt.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    for number in range(5):
        one_attempt.create_branch(appId=app_id, branchName=f"b{number}")
    for number in range(4):
        one_attempt.start_job(appId=app_id, branchName=f"b{number}", jobType="RELEASE")

    with pytest.raises(one_attempt.exceptions.LimitExceededException, match="5"):
        one_attempt.start_job(appId=app_id, branchName="b4", jobType="RELEASE")


def test_scripts_run_in_order_and_the_last_one_repeats(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    amplify.control.script_builds(app_id, "main", "npm_failure", {"outcome": "ok"})

    assert [build(client, app_id)["summary"]["status"] for _ in range(3)] == ["FAILED", "SUCCEED", "SUCCEED"]


def test_a_log_url_expires_and_get_job_returns_a_new_one(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str
) -> None:
    stale = build(client, app_id)["steps"][0]["logUrl"]
    amplify.control.advance(3601)

    with pytest.raises(urllib.error.HTTPError, match="403") as raised:
        read(stale)
    raised.value.close()

    fresh = client.get_job(appId=app_id, branchName="main", jobId="1")["job"]["steps"][0]["logUrl"]
    assert b"# Cloning repository" in read(fresh)[0]
    amplify.control.expire_logs()
    with pytest.raises(urllib.error.HTTPError, match="403") as raised:
        read(fresh)
    raised.value.close()


@pytest.mark.parametrize(("form", "encoding"), [("gzip", None), ("gzip_encoded", "gzip")])
def test_a_log_may_be_gzip(
    amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str, form: str, encoding: str | None
) -> None:
    amplify.control.set_questions(log_body=form)

    body, sent_encoding = read(build(client, app_id)["steps"][0]["logUrl"])

    assert body[:2] == b"\x1f\x8b"
    assert sent_encoding == encoding
    assert b"# Cloning repository" in gzip.decompress(body)
